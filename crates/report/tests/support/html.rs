//! Reading a page back: whether its tags are balanced, and what it says.
#![allow(dead_code, unreachable_pub)] // Each test file uses a part.

const VOID: [&str; 5] = ["meta", "link", "br", "hr", "wbr"];

/// Checks that every element is closed in order, that attributes are quoted, and that no `<` or `&` stands alone.
pub fn check(page: &str) -> Result<(), String> {
    let mut open: Vec<String> = Vec::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").ok_or("no doctype")?;
    while let Some(start) = rest.find('<') {
        let (text, tag) = rest.split_at(start);
        entities(text)?;
        let end = tag
            .find('>')
            .ok_or_else(|| format!("open end: {}", head(tag)))?;
        let inside = &tag[1..end];
        rest = &tag[end + 1..];
        if let Some(name) = inside.strip_prefix('/') {
            let last = open
                .pop()
                .ok_or_else(|| format!("</{name}> closes nothing"))?;
            if last != name {
                return Err(format!("</{name}> closes <{last}>"));
            }
            continue;
        }
        let name = inside.split([' ', '/']).next().unwrap_or_default();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(format!("no element: {}", head(tag)));
        }
        attributes(inside)?;
        if name == "style" || name == "script" {
            let close = format!("</{name}>");
            let at = rest.find(&close).ok_or_else(|| format!("no {close}"))?;
            rest = &rest[at + close.len()..];
        } else if !inside.ends_with('/') && !VOID.contains(&name) {
            open.push(name.to_owned());
        }
    }
    match open.pop() {
        Some(left) => Err(format!("<{left}> is not closed")),
        None => Ok(()),
    }
}

fn attributes(inside: &str) -> Result<(), String> {
    let quotes = inside.matches('"').count();
    if !quotes.is_multiple_of(2) {
        return Err(format!("odd quotes: {inside}"));
    }
    let pieces: Vec<&str> = inside.split('"').step_by(2).collect();
    let (last, names) = pieces.split_last().ok_or("nothing")?;
    if last.contains('=')
        || !names
            .iter()
            .all(|name| name.ends_with('=') && name.matches('=').count() == 1)
    {
        return Err(format!("attributes not quoted: {inside}"));
    }
    inside.split('"').skip(1).step_by(2).try_for_each(entities)
}

fn entities(text: &str) -> Result<(), String> {
    for (at, _) in text.match_indices('&') {
        let known = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;", "&apos;"];
        if !known.iter().any(|entity| text[at..].starts_with(entity)) {
            return Err(format!("a bare &: {}", head(&text[at..])));
        }
    }
    Ok(())
}

fn head(text: &str) -> String {
    text.chars().take(60).collect()
}

/// The words of a page, a line per block; drawings, style and script left out.
pub fn skeleton(page: &str) -> String {
    let mut page = page.to_owned();
    for (from, to) in [
        ("<style>", "</style>"),
        ("<script>", "</script>"),
        ("<svg", "</svg>"),
    ] {
        while let Some(start) = page.find(from) {
            let end = page[start..].find(to).expect("closed") + start + to.len();
            let drawn = if from == "<svg" { "" } else { "…" };
            page.replace_range(start..end, drawn);
        }
    }
    let mut out = String::new();
    for line in page
        .replace("</th>", " | ")
        .replace("</td>", " | ")
        .replace("<small>", " ~ ")
        .lines()
    {
        let mut text = String::new();
        let mut tag = false;
        for c in line.chars() {
            match c {
                '<' => tag = true,
                '>' => tag = false,
                c if !tag => text.push(c),
                _ => {}
            }
        }
        let text = text.trim();
        if !text.is_empty() {
            out.push_str(text);
            out.push('\n');
        }
    }
    out
}
