//! The file of a task of the Windows Task Scheduler.

use super::plan::Plan;

/// The task, as text; it is written as UTF-16, which `schtasks` expects.
pub(super) fn task(plan: &Plan) -> String {
    let mut arguments = "schedule run".to_owned();
    // A task has no environment of its own to set.
    for (name, value) in &plan.environment {
        arguments.push_str(&format!(" --set {}", argument(&format!("{name}={value}"))));
    }
    format!(
        r#"<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>Scrubjay: archive agents' sessions and do queued work. Made by `jay schedule start`; `jay schedule stop` removes it.</Description>
  </RegistrationInfo>
  <Triggers>
    <TimeTrigger>
      <Repetition>
        <Interval>PT{minutes}M</Interval>
        <StopAtDurationEnd>false</StopAtDurationEnd>
      </Repetition>
      <StartBoundary>2026-01-01T00:00:00</StartBoundary>
      <Enabled>true</Enabled>
    </TimeTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <Hidden>true</Hidden>
    <Priority>7</Priority>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{program}</Command>
      <Arguments>{arguments}</Arguments>
    </Exec>
  </Actions>
</Task>
"#,
        minutes = plan.every.minutes,
        program = xml(&plan.program),
        arguments = xml(&arguments)
    )
}

/// The bytes of the file.
pub(super) fn utf_16(text: &str) -> Vec<u8> {
    [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

/// A word as Windows programs read their arguments: backslashes count only before a quote.
fn argument(word: &str) -> String {
    let mut out = String::from("\"");
    let mut backslashes = 0;
    for c in word.chars() {
        match c {
            '\\' => backslashes += 1,
            '"' => {
                out.push_str(&"\\".repeat(backslashes * 2 + 1));
                backslashes = 0;
            }
            _ => {
                out.push_str(&"\\".repeat(backslashes));
                backslashes = 0;
            }
        }
        if c != '\\' {
            out.push(c);
        }
    }
    out.push_str(&"\\".repeat(backslashes * 2));
    out.push('"');
    out
}

/// Text inside an element.
pub(super) fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_quoted_as_windows_reads_them() {
        for (word, expected) in [
            (r"HOME=C:\Users\m", r#""HOME=C:\Users\m""#),
            (r"X=D:\a b\", r#""X=D:\a b\\""#),
            (r#"X=a"b"#, r#""X=a\"b""#),
            (r#"X=a\"b"#, r#""X=a\\\"b""#),
        ] {
            assert_eq!(argument(word), expected);
        }
    }

    #[test]
    fn the_file_begins_with_a_byte_order_mark() {
        assert_eq!(utf_16("<é"), [0xFF, 0xFE, 0x3C, 0, 0xE9, 0]);
    }
}
