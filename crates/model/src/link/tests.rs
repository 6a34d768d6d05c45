use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn links() -> impl Strategy<Value = Link> {
    let rates = || option::of(8_000_u64..=10_000_000_000);
    let times = || 0_u64..=10_000_000;
    let shares = || 0_u32..=500_000;
    (
        (times(), times(), shares(), shares()),
        (rates(), rates(), option::of(1500_u64..=256_000_000)),
        option::of(select(&Congestion::ALL)),
    )
        .prop_map(
            |(
                (rtt_us, jitter_us, loss_ppm, reorder_ppm),
                (rate_bps, up_bps, queue_bytes),
                congestion,
            )| Link {
                rtt_us,
                jitter_us,
                loss_ppm,
                reorder_ppm,
                rate_bps,
                up_bps: up_bps.filter(|_| rate_bps.is_some()),
                queue_bytes: queue_bytes.filter(|_| rate_bps.is_some()),
                congestion,
            },
        )
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(link in links()) {
        let text = link.to_string();
        prop_assert_eq!(text.parse::<Link>(), Ok(link), "{}", text);
        let json = serde_json::to_string(&link).unwrap();
        prop_assert_eq!(serde_json::from_str::<Link>(&json).unwrap(), link);
    }

    #[test]
    fn no_text_ends_the_program(text in "[a-z0-9=.,%]{0,40}") {
        if let Ok(link) = text.parse::<Link>() {
            prop_assert_eq!(link.to_string().parse::<Link>(), Ok(link));
        }
    }
}

#[test]
fn words_become_numbers() {
    let link: Link = "rtt=80ms,loss=1%,rate=10mbit,jitter=1.5ms".parse().unwrap();
    let expected = Link {
        rtt_us: 80_000,
        jitter_us: 1_500,
        loss_ppm: 10_000,
        rate_bps: Some(10_000_000),
        ..Link::default()
    };
    assert_eq!(link, expected);
    assert_eq!(
        link.to_string(),
        "rtt=80ms,jitter=1500us,loss=1%,rate=10mbit"
    );
    assert_eq!(
        link.in_words(),
        "a link of 80 ms round trip and up to 1500 us more each way, 1 % of the packets lost each way, 10 Mbit/s"
    );
}

#[test]
fn congestion_control_is_part_of_a_path() {
    let link: Link = "rtt=50ms,congestion=reno".parse().unwrap();
    assert_eq!(link.congestion, Some(Congestion::Reno));
    assert_eq!(
        link.in_words(),
        "a link of 50 ms round trip, reno at both ends"
    );
    // Records from before there was a choice.
    let read: Link = serde_json::from_str(r#"{"rtt_us": 50000}"#).unwrap();
    assert_eq!(read.congestion, None);
    assert_ne!(read, link);
}

#[test]
fn mistakes_are_explained() {
    for (text, wanted) in [
        ("", "satellite"),
        ("5g", "satellite"),
        ("loss=1%", "rtt=TIME is missing"),
        ("rtt=80", "80ms"),
        ("rtt=80min", "80ms"),
        ("rtt=11s", "10s"),
        ("rtt=0.5us", "whole microseconds"),
        ("rtt=.5ms", "80ms"),
        ("rtt=-1ms", "80ms"),
        ("rtt=99999999999999999999s", "80ms"),
        ("rtt=1ms,loss=51%", "50%"),
        ("rtt=1ms,loss=1", "0.5%"),
        ("rtt=1ms,loss=0.00001%", "four decimals"),
        ("rtt=1ms,rate=10", "10mbit"),
        ("rtt=1ms,rate=7999bit", "8kbit"),
        ("rtt=1ms,rate=1mbit,queue=1kb", "1500b"),
        ("rtt=1ms,queue=64kb", "without a rate"),
        ("rtt=1ms,up=1mbit", "without a rate"),
        ("rtt=1ms,rtt=2ms", "twice"),
        ("rtt=1ms,", "NAME=VALUE"),
        ("rtt=1ms,delay=2ms", "rtt, jitter, loss"),
        ("rtt=1ms,congestion=vegas", "bbr, cubic, reno"),
        ("rtt=1ms,congestion=", "bbr, cubic, reno"),
    ] {
        let error = text.parse::<Link>().unwrap_err();
        assert!(error.contains(wanted), "{text}: {error}");
    }
}

#[test]
fn presets_are_links_with_names_and_sources() {
    for preset in PRESETS {
        assert_eq!(preset.name.parse(), Ok(preset.link));
        assert_eq!(preset.link.to_string().parse(), Ok(preset.link));
        assert!(!preset.source.is_empty());
    }
    assert!(PRESETS.is_sorted_by_key(|preset| preset.link.rtt_us));
}

#[test]
fn a_queue_holds_a_round_trip_and_at_least_64_packets() {
    let queue = |text: &str, direction| text.parse::<Link>().unwrap().queue(direction);
    assert_eq!(
        queue("rtt=80ms,rate=80mbit", Direction::Down),
        Some(800_000)
    );
    assert_eq!(queue("rtt=1ms,rate=1mbit", Direction::Up), Some(96_000));
    assert_eq!(
        queue("rtt=1ms,rate=1mbit,queue=9kb", Direction::Up),
        Some(9000)
    );
    assert_eq!(queue("rtt=80ms", Direction::Down), None);
    let up = "rtt=80ms,rate=80mbit,up=40mbit";
    assert_eq!(queue(up, Direction::Up), Some(400_000));
}
