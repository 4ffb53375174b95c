//! Looking into sources: what a file defines, and the value of its constants.

use std::time::Duration;

fn is_word(text: &str, begin: usize, end: usize) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    !text[..begin].ends_with(part) && !text[end..].starts_with(part)
}

/// Whether the words stand in the text, not as part of longer ones.
fn says(text: &str, words: &str) -> bool {
    text.match_indices(words)
        .any(|(begin, found)| is_word(text, begin, begin + found.len()))
}

/// A source without what it only imports.
pub fn without_imports(source: &str) -> String {
    let mut kept = String::new();
    let mut importing = false;
    for line in source.lines() {
        let begins = ["use ", "pub use ", "pub(crate) use ", "import "];
        importing |= begins
            .iter()
            .any(|begin| line.trim_start().starts_with(begin));
        if !importing {
            kept.push_str(line);
            kept.push('\n');
        }
        importing &= !line.trim_end().ends_with(';');
    }
    kept
}

fn defines_item(source: &str, name: &str) -> bool {
    let kinds = [
        "fn",
        "const",
        "static",
        "struct",
        "enum",
        "trait",
        "type",
        "function",
        "class",
        "interface",
        "let",
    ];
    kinds
        .iter()
        .any(|kind| says(source, &format!("{kind} {name}")))
        || source.lines().map(str::trim_start).any(|line| {
            let line = ["pub ", "pub(super) ", "pub(crate) ", "readonly ", "async "]
                .iter()
                .find_map(|prefix| line.strip_prefix(prefix))
                .unwrap_or(line);
            // A field, a variant or a method.
            let behind = line.strip_prefix(name);
            behind.is_some_and(|behind| {
                behind == ";"
                    || [":", " {", ","].iter().any(|mark| behind.starts_with(mark))
                    || (behind.starts_with('(')
                        && (behind.ends_with("),") || behind.ends_with('{')))
            })
        })
}

fn defines_type(source: &str, name: &str) -> bool {
    ["struct", "enum", "trait", "type", "class", "impl"]
        .iter()
        .any(|kind| says(source, &format!("{kind} {name}")))
        || source
            .lines()
            .any(|line| line.starts_with("impl") && says(line, name))
}

pub fn defines(source: &str, name: &str) -> bool {
    match name.split_once("::").or_else(|| name.split_once('.')) {
        Some((of, item)) => defines_type(source, of) && defines_item(source, item),
        None => defines_item(source, name),
    }
}

/// The value of a constant or of a field's default, as the documents write it.
pub fn value(source: &str, name: &str) -> Option<String> {
    let constant = source
        .match_indices(&format!("const {name}"))
        .find_map(|(begin, found)| {
            let rest = &source[begin + found.len()..];
            let rest = rest
                .starts_with([':', ' '])
                .then(|| rest.split_once('='))??
                .1;
            rest.split_once(';').map(|(value, _)| value)
        });
    let field = || {
        let lines = source.lines().map(str::trim);
        let mut values = lines.filter_map(|line| {
            line.strip_prefix(name)?
                .strip_prefix(": ")?
                .strip_suffix(',')
        });
        values.find(|value| {
            value.starts_with("Duration::") || value.starts_with(|c: char| c.is_ascii_digit())
        })
    };
    evaluate(source, constant.or_else(field)?.trim())
}

fn evaluate(source: &str, expression: &str) -> Option<String> {
    let duration = expression
        .strip_prefix("Duration::from_")
        .and_then(|rest| rest.strip_suffix(')')?.split_once('('));
    if let Some((unit, count)) = duration {
        let count = number(source, count)?;
        let span = match unit {
            "millis" => Duration::from_millis(count),
            "secs" => Duration::from_secs(count),
            _ => return None,
        };
        let whole = span.subsec_millis() == 0;
        return Some(if whole {
            format!("{} s", span.as_secs())
        } else {
            format!("{} ms", span.as_millis())
        });
    }
    Some(number(source, expression)?.to_string())
}

/// Whole numbers, products, shifts and names of other constants of the file.
fn number(source: &str, expression: &str) -> Option<u64> {
    if let Some((left, right)) = expression.split_once("<<") {
        return Some(number(source, left)? << number(source, right)?);
    }
    if let Some((left, right)) = expression.split_once('*') {
        return Some(number(source, left)? * number(source, right)?);
    }
    let word = expression.trim();
    let digits = word.replace('_', "");
    digits
        .parse()
        .ok()
        .or_else(|| value(source, word)?.parse().ok())
}

#[test]
fn values_are_worked_out_and_names_looked_for_as_whole_words() {
    let source = "const PAGES: u64 = 1_024;\nconst MOST: u64 = 3 * PAGES;\nconst REST: Duration = Duration::from_millis(500);\nfn follow() {}\n    limit: 2_000,\n";
    assert_eq!(value(source, "MOST").as_deref(), Some("3072"));
    assert_eq!(value(source, "REST").as_deref(), Some("500 ms"));
    assert_eq!(value(source, "limit").as_deref(), Some("2000"));
    assert!(
        defines(source, "follow") && !defines(source, "follo") && !defines(source, "Floor::follow")
    );
}
