//! The file of an agent of launchd.

use super::plan::{Place, Plan};
use super::task_scheduler::xml;
use std::path::PathBuf;

/// The agent's label.
pub(super) fn label(name: &str) -> String {
    format!("{name}.schedule")
}

/// Where it stands.
pub(super) fn path(place: &Place) -> PathBuf {
    place.home.join("Library").join("LaunchAgents").join(format!("{}.plist", label(&place.name)))
}

/// The agent.
pub(super) fn agent(plan: &Plan) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <!-- Made by `jay schedule start`; `jay schedule stop` removes it. -->\n<plist version=\"1.0\">\n<dict>\n\
         \t<key>Label</key>\n\t<string>{}</string>\n\t<key>ProgramArguments</key>\n\t<array>\n\t\t<string>{}</string>\n\
         \t\t<string>schedule</string>\n\t\t<string>run</string>\n\t</array>\n\t<key>EnvironmentVariables</key>\n\t<dict>\n",
        xml(&label(&plan.place.name)),
        xml(&plan.program)
    );
    for (name, value) in &plan.environment {
        text.push_str(&format!("\t\t<key>{}</key>\n\t\t<string>{}</string>\n", xml(name), xml(value)));
    }
    text.push_str(&format!(
        "\t</dict>\n\t<key>WorkingDirectory</key>\n\t<string>{}</string>\n\t<key>StartInterval</key>\n\t<integer>{}</integer>\n\
         \t<key>RunAtLoad</key>\n\t<true/>\n\t<key>ProcessType</key>\n\t<string>Background</string>\n\
         \t<key>LowPriorityIO</key>\n\t<true/>\n</dict>\n</plist>\n",
        xml(&plan.place.home.display().to_string()),
        plan.every.minutes * 60
    ));
    text
}
