//! What plotters writes, turned into SVG that follows the page: roles become CSS, defaults are left out, and the
//! drawing scales to its container.

use super::palette::Role;

/// Size of text that needs no attribute of its own, in tenths of a unit.
pub(super) const TEXT: &str = "120";

/// Rewrites `raw`, a drawing of plotters with `width` by `height` pixels.
pub(super) fn restyle(raw: &str, width: u32, height: u32, class: &str, label: &str) -> String {
    let mut out = format!(
        "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" font-size=\"{TEXT}\" role=\"img\" aria-label=\"{}\">",
        crate::html::escape(label),
    );
    for line in raw.lines().skip(1) {
        if line.starts_with("</") {
            out += line;
        } else if let Some(tag) = line.strip_prefix('<') {
            element(tag, &mut out);
        } else {
            out += line;
        }
    }
    out
}

fn element(tag: &str, out: &mut String) {
    let name_end = tag.find(' ').unwrap_or(tag.len());
    let (name, rest) = tag.split_at(name_end);
    out.push('<');
    out.push_str(name);
    let pieces: Vec<&str> = rest.split('"').collect();
    let mut stroked = name == "line" || name == "polyline";
    for pair in pieces.chunks_exact(2) {
        let (key, value) = (pair[0].trim().trim_end_matches('='), pair[1]);
        if key == "stroke" {
            stroked = value != "none";
        }
        if key != "stroke-width" || stroked {
            attribute(name, key, value, out);
        }
    }
    out.push_str(if rest.ends_with("/>") { "/>" } else { ">" });
}

fn attribute(element: &str, key: &str, value: &str, out: &mut String) {
    let mut put = |key: &str, value: &str| {
        out.push_str(&format!(" {key}=\"{value}\""));
    };
    match (key, value) {
        ("opacity", "1") | ("stroke", "none") | ("text-anchor", "start") | ("font-family", _) => {}
        ("dy", _) => put("dy", ".35em"),
        ("font-size", size) => {
            let size = size.parse::<f64>().map_or(120.0, f64::round).to_string();
            if size != TEXT {
                put("font-size", &size);
            }
        }
        ("fill" | "stroke", colour) => match Role::decode(colour) {
            // Text takes the colour of the page unless it has another role.
            Some((css, _)) if element == "text" && css == "currentColor" => {}
            Some((css, dash)) => {
                put(key, &css);
                if let (Some(dash), "stroke") = (dash, key) {
                    put("stroke-dasharray", dash);
                }
            }
            None => put(key, colour),
        },
        (key, value) => put(key, value.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_become_css_and_defaults_vanish() {
        let raw = "<svg width=\"9\" height=\"9\">\n\
            <polyline fill=\"none\" opacity=\"1\" stroke=\"#65015A\" stroke-width=\"16\" points=\"1,2 3,4 \"/>\n\
            <circle cx=\"1\" cy=\"2\" r=\"3\" opacity=\"0.5\" fill=\"#65005A\" stroke=\"none\" stroke-width=\"1\"/>\n\
            <text x=\"1\" y=\"2\" dy=\"0.5ex\" text-anchor=\"start\" font-family=\"sans-serif\" \
            font-size=\"120.00000000000001\" opacity=\"1\" fill=\"#00005A\">\na &lt; b\n</text>\n</svg>\n";
        assert_eq!(
            restyle(raw, 90, 90, "m", "a \"title\""),
            "<svg class=\"m\" viewBox=\"0 0 90 90\" font-size=\"120\" role=\"img\" aria-label=\"a &quot;title&quot;\">\
             <polyline fill=\"none\" stroke=\"var(--c1)\" stroke-dasharray=\"60 40\" stroke-width=\"16\" points=\"1,2 3,4\"/>\
             <circle cx=\"1\" cy=\"2\" r=\"3\" opacity=\"0.5\" fill=\"var(--c1)\"/>\
             <text x=\"1\" y=\"2\" dy=\".35em\">a &lt; b</text></svg>"
        );
    }
}
