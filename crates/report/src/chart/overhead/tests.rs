use super::*;
use crate::chart::tidy::assert_tidy;
use crate::sample;

/// Every server of the sample with a text of 128 bytes and a document of 64 KiB, as its formula says.
fn dots() -> Vec<Overhead> {
    let record = sample::record();
    let of = |server: &ServerLabel| {
        let native = ["tcp", "websocket"].contains(&server.transport.as_str());
        let document = if native {
            Carried::Bytes
        } else {
            Carried::Base64
        };
        [(128, Carried::Text), (65_536, document)].map(|(payload, carried)| {
            let heads = if server.transport == "long-poll" {
                207.0
            } else {
                0.0
            };
            let expected = framing(&server.transport, carried, payload).unwrap() as f64 + heads;
            Overhead {
                server: server.clone(),
                scenarios: vec!["fan-out".into()],
                payload,
                carried,
                counted: expected,
                expected,
                agrees: true,
                formula: "body + 4",
            }
        })
    };
    record.run.servers.iter().flat_map(of).collect()
}

#[test]
fn framing_is_what_the_specifications_say() {
    let text = |transport| {
        [128, 16_384, 65_536].map(|payload| framing(transport, Carried::Text, payload).unwrap())
    };
    assert_eq!(text("tcp"), [4, 4, 4]);
    assert_eq!(text("websocket"), [4, 4, 10]);
    assert_eq!(text("ndjson"), [7, 9, 10]);
    assert_eq!(text("sse"), [14, 16, 17]);
    assert_eq!(text("long-poll"), [1, 1, 1]);
    assert_eq!(framing("short-poll", Carried::Text, 128), None);
    // With their envelopes these are bodies of 125 bytes, and of one more.
    assert_eq!(framing("websocket", Carried::Text, 19), Some(2));
    assert_eq!(framing("websocket", Carried::Bytes, 96), Some(2));
    assert_eq!(framing("websocket", Carried::Bytes, 97), Some(4));
    let base64 = 87_384 - 65_536;
    assert_eq!(framing("sse", Carried::Base64, 65_536), Some(base64 + 17));
}

#[test]
fn curves_go_through_what_the_formulas_say() {
    let dots = dots();
    let curves = Curve::all(&dots);
    for dot in &dots {
        let mine = |curve: &&Curve<'_>| {
            curve.transport == dot.server.transport && curve.carried == dot.carried
        };
        let curve = curves.iter().find(mine).unwrap();
        assert_eq!(curve.at(dot.payload as f64), dot.expected, "{dot:?}");
    }
    let forms = |transport: &'static str| curves.iter().filter(move |c| c.transport == transport);
    assert_eq!(forms("sse").count(), 2);
    assert!(forms("long-poll").all(|curve| curve.besides == 207.0));
    assert!(forms("websocket").all(|curve| curve.besides == 0.0));
}

#[test]
fn payloads_of_one_size_have_no_chart() {
    let palette = Palette::new(&sample::record().run);
    assert!(figure(&[], &palette).is_none());
    let mut dots = dots();
    dots.retain(|dot| dot.payload == 128);
    assert!(figure(&dots, &palette).is_none());
    // Nor have those of another size of another transport only.
    let mut other = dots[0].clone();
    (other.server.transport, other.payload) = ("ndjson".into(), 1024);
    assert!(figure(&[dots[0].clone(), other], &palette).is_none());
}

#[test]
fn there_is_a_dot_for_every_server_and_size() {
    let palette = Palette::new(&sample::record().run);
    let dots = dots();
    let figure = figure(&dots, &palette).unwrap();
    assert_eq!(figure.data.rows.len(), dots.len());
    assert_eq!(figure.findings[0].0, Some(true));
    let reference = |dot: &&Overhead| dot.server.stack == "reference";
    let circles = dots.iter().filter(reference).count();
    for drawing in figure.panels.iter().flat_map(|panel| &panel.versions) {
        assert_tidy(TITLE, drawing);
        assert_eq!(drawing.svg.matches("<circle").count(), circles);
        // Those that say the same stand beside one another.
        let places: Vec<&str> = drawing.svg.split("<circle ").skip(1).collect();
        let places = places.iter().map(|circle| circle.split(" r=").next());
        let mut places: Vec<_> = places.collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), circles);
    }
    let labels: Vec<&str> = figure.legend.iter().map(|e| e.label.as_str()).collect();
    for expected in ["sse: body + 4", "binary payload, as base64", "websocket/ws"] {
        assert!(labels.contains(&expected), "{labels:?}");
    }
}

#[test]
fn what_is_off_is_red_and_named() {
    let palette = Palette::new(&sample::record().run);
    let mut dots = dots();
    let before = figure(&dots, &palette).unwrap();
    let drawn = |figure: &Figure| {
        figure.panels[0].versions[0]
            .svg
            .matches("var(--bad)")
            .count()
    };
    assert_eq!(drawn(&before), 0);
    let last = dots.last_mut().unwrap();
    (last.counted, last.agrees) = (last.expected + 3.0, false);
    let name = format!("{} with 65\u{202f}536\u{202f}B", last.server);
    let after = figure(&dots, &palette).unwrap();
    assert_eq!(drawn(&after), 1);
    let (good, said) = &after.findings[0];
    assert_eq!(*good, Some(false));
    assert!(
        said.starts_with(&format!("1 of {} dots are not", dots.len())) && said.contains(&name),
        "{said}"
    );
}

#[test]
fn what_a_body_holds_tells_as_what_a_payload_travelled() {
    let record = sample::record();
    let mut measured = record.trials[0].trial.measurement.clone().unwrap();
    measured.payload_bytes = 300;
    for (kind, body, expected) in [
        (PayloadKind::Text, 406, Carried::Text),
        (PayloadKind::Binary, 329, Carried::Bytes),
        (PayloadKind::Binary, 506, Carried::Base64),
    ] {
        measured.body_bytes = body;
        let carried = Carried::of(kind, &measured);
        assert_eq!((carried, carried.body(300)), (expected, body), "{kind:?}");
    }
}
