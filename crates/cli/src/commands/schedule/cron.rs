//! The lines of a crontab.
//!
//! **Invariant:** what stands between our two marks is ours, and nothing else is touched.

use super::plan::{Every, Plan};
use jay_types::{Code, Error, Result};

/// Bytes of the longest line that every cron takes.
const LINE_MAX_BYTES: usize = 990;

/// `crontab` with the lines of this plan, in the place of earlier ones.
///
/// # Errors
/// `bad_input` for an interval that cron cannot keep, or an environment that is too long for a line; as [`without`].
pub(super) fn with(crontab: &str, plan: &Plan) -> Result<String> {
    let mut text = without(crontab, &plan.place.name)?;
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&format!("{}\n{}\n{}\n", begin(&plan.place.name), line(plan)?, end(&plan.place.name)));
    Ok(text)
}

/// `crontab` without our lines.
///
/// # Errors
/// `conflict` where one of our two marks is missing: then it is not known which lines are ours.
pub(super) fn without(crontab: &str, name: &str) -> Result<String> {
    let (begin, end) = (begin(name), end(name));
    let mut kept = String::new();
    let mut is_ours = false;
    let broken = || {
        Error::new(Code::Conflict, format!("in the crontab `{begin}` and `{end}` do not stand in pairs"))
            .hint("Remove the lines of `jay schedule` by hand with `crontab -e`.")
    };
    for line in crontab.split_inclusive('\n') {
        match (line.trim_end(), is_ours) {
            (mark, false) if mark == begin => is_ours = true,
            (mark, true) if mark == end => is_ours = false,
            (mark, _) if mark == begin || mark == end => return Err(broken()),
            (_, true) => {}
            (_, false) => kept.push_str(line),
        }
    }
    if is_ours { Err(broken()) } else { Ok(kept) }
}

/// True where our lines are there.
pub(super) fn is_in(crontab: &str, name: &str) -> bool {
    crontab.lines().any(|line| line.trim_end() == begin(name))
}

fn begin(name: &str) -> String {
    format!("# >>> {name} (made by `jay schedule start`; `jay schedule stop` removes it)")
}

fn end(name: &str) -> String {
    format!("# <<< {name}")
}

fn line(plan: &Plan) -> Result<String> {
    let environment: String =
        plan.environment.iter().map(|(name, value)| format!("{name}={} ", quoted(value))).collect();
    let command = format!("{environment}{} schedule run >/dev/null 2>&1", quoted(&plan.program));
    // A percent sign would end the command.
    let line = format!("{} {}", times(plan.every)?, command.replace('%', "\\%"));
    if line.len() > LINE_MAX_BYTES {
        return Err(Error::bad_input(format!("the line for cron is longer than {LINE_MAX_BYTES} bytes"))
            .hint("Unset variables that name places of clients and are not needed, or use `--with systemd`."));
    }
    Ok(line)
}

/// The five fields: cron knows the minutes of an hour and the hours of a day, not a time that passed.
fn times(every: Every) -> Result<String> {
    match every.minutes {
        1 => Ok("* * * * *".to_owned()),
        minutes @ 2..60 if 60 % minutes == 0 => Ok(format!("*/{minutes} * * * *")),
        60 => Ok("0 * * * *".to_owned()),
        minutes if minutes % 60 == 0 && minutes < 1440 && 1440 % minutes == 0 => {
            Ok(format!("0 */{} * * *", minutes / 60))
        }
        1440 => Ok("0 9 * * *".to_owned()),
        _ => Err(Error::bad_input(format!("`every`: cron cannot keep an interval of {}", every.words())).hint(
            "It keeps minutes that divide an hour (5m, 10m, 15m, 20m, 30m), hours that divide a day (1h, 2h, 6h) and 1d.",
        )),
    }
}

/// A word for the shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_that_cron_keeps() {
        let times = |minutes| times(Every { minutes }).map_err(|error| error.message);
        for (minutes, expected) in
            [(1, "* * * * *"), (15, "*/15 * * * *"), (60, "0 * * * *"), (360, "0 */6 * * *"), (1440, "0 9 * * *")]
        {
            assert_eq!(times(minutes).unwrap(), expected);
        }
        for minutes in [7, 45, 90, 300, 1439] {
            assert!(times(minutes).unwrap_err().starts_with("`every`: cron cannot keep"), "{minutes}");
        }
    }

    #[test]
    fn only_what_is_between_our_marks_is_taken_out() {
        let ours = format!("{}\n*/5 * * * * x\n{}\n", begin("scrubjay"), end("scrubjay"));
        let other = ours.replace("scrubjay", "scrubjay-12345678");
        let crontab = format!("MAILTO=me\n{ours}0 1 * * * backup\n{other}# no end of line");
        assert_eq!(without(&crontab, "scrubjay").unwrap(), crontab.replace(&ours, ""));
        assert!(is_in(&crontab, "scrubjay") && !is_in(&crontab, "scrub"));
        assert_eq!(without("", "scrubjay").unwrap(), "");
        for broken in [begin("scrubjay"), end("scrubjay"), format!("{0}\n{0}\n{1}", begin("scrubjay"), end("scrubjay"))]
        {
            let error = without(&format!("0 1 * * * backup\n{broken}\n"), "scrubjay").unwrap_err();
            assert_eq!(error.code, Code::Conflict);
        }
    }
}
