//! A session as one HTML file: no script, nothing from the network, light and dark, tools folded.

use super::{MessageView, Place, SessionView, about, beside, folded, parts, plain, speaker, title, whole};
use jay_types::session::Part;

/// Nothing may be fetched or run, whatever a viewer makes of the rest.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

pub(super) fn write(session: &SessionView, messages: &[MessageView], place: Place, unfolded: bool) -> String {
    let mut out = if place.first { head(session) } else { String::new() };
    for message in messages {
        let parts = parts(message);
        if parts.is_empty() {
            continue;
        }
        let class = speaker(message.role);
        out.push_str(&format!("<article class=\"{}\">\n<header><b>{class}</b>", class.to_lowercase()));
        for text in beside(message) {
            out.push_str(&format!(" <span>{}</span>", escaped(&text)));
        }
        out.push_str("</header>\n");
        for part in parts {
            write_part(&mut out, &part, unfolded);
        }
        out.push_str("</article>\n");
    }
    if place.last {
        out.push_str("</main>\n</body>\n</html>\n");
    }
    out
}

fn head(session: &SessionView) -> String {
    let title = escaped(&title(session));
    let rows: String = about(session)
        .iter()
        .map(|(name, value)| format!("<div><dt>{name}</dt><dd>{}</dd></div>\n", escaped(value)))
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>\n{}</style>\n</head>\n\
         <body>\n<main>\n<h1 dir=\"auto\">{title}</h1>\n<dl>\n{rows}</dl>\n",
        include_str!("page.css")
    )
}

fn write_part(out: &mut String, part: &Part, unfolded: bool) {
    let open = if unfolded { " open" } else { "" };
    match part {
        Part::Text { text, .. } => out.push_str(&format!("<div class=\"said\" dir=\"auto\">{}</div>\n", said(text))),
        Part::Reasoning { text } => out.push_str(&format!(
            "<details class=\"thought\"{open}><summary>Reasoning</summary><div class=\"said\" dir=\"auto\">{}</div></details>\n",
            said(text)
        )),
        _ => {
            let line = escaped(&folded(part).unwrap_or_default());
            let failed = if matches!(part, Part::ToolResult { is_error: true, .. }) { " failed" } else { "" };
            match whole(part) {
                None => out.push_str(&format!("<p class=\"file\">{line}</p>\n")),
                Some(text) => out.push_str(&format!(
                    "<details class=\"tool{failed}\"{open}><summary>{line}</summary><pre>{}</pre></details>\n",
                    // A line break that begins a `pre` is not shown.
                    format_args!("\n{}", escaped(&text))
                )),
            }
        }
    }
}

/// What was said: fenced code as blocks and marked code as code, all else as it was written.
fn said(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut open: Option<String> = None;
    for line in plain(text.trim_end()).lines() {
        let start = line.trim_start();
        let mark: String = start.chars().take_while(|c| *c == '`').collect();
        match &open {
            Some(fence) if start.trim_end() == mark && mark.len() >= fence.len() => {
                out.push_str("</pre>");
                open = None;
            }
            None if mark.len() >= 3 && !start.get(mark.len()..).unwrap_or_default().contains('`') => {
                if out.ends_with('\n') {
                    out.pop();
                }
                out.push_str("<pre class=\"code\">\n");
                open = Some(mark);
            }
            Some(_) => out.push_str(&format!("{}\n", escaped(line))),
            None => out.push_str(&format!("{}\n", with_code(line))),
        }
    }
    if open.is_some() {
        out.push_str("</pre>");
    }
    out
}

/// A line of prose, with what stands between single marks as code.
fn with_code(line: &str) -> String {
    let pieces: Vec<&str> = line.split('`').collect();
    if pieces.len().is_multiple_of(2) || line.contains("``") {
        return escaped(line);
    }
    let piece = |(n, piece): (usize, &&str)| match n % 2 {
        1 => format!("<code>{}</code>", escaped(piece)),
        _ => escaped(piece),
    };
    pieces.iter().enumerate().map(piece).collect()
}

/// Text as HTML shows it, for elements and attributes alike.
fn escaped(text: &str) -> String {
    let text = plain(text);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::said;

    #[test]
    fn code_is_code_and_nothing_is_a_tag() {
        assert_eq!(
            said("a `b<c>` <i>\n```rs\n<x>\n```\nz"),
            "a <code>b&lt;c&gt;</code> &lt;i&gt;<pre class=\"code\">\n&lt;x&gt;\n</pre>z\n"
        );
        assert_eq!(said("```\n</pre><script>"), "<pre class=\"code\">\n&lt;/pre&gt;&lt;script&gt;\n</pre>");
        assert_eq!(said("one ` mark <b>"), "one ` mark &lt;b&gt;\n");
    }
}
