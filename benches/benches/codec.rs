//! Encoding a message once, and decoding it at one subscriber, for every transport.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pushbench_model::message::{self, Stamp};
use pushbench_model::payload::{BodyMaker, Payload, PayloadKind};
use pushbench_transport::http1::body::{BodyDecoder, BodyError, Framing};
use pushbench_transport::hub::Message;
use pushbench_transport::limits::MAX_MESSAGE;
use pushbench_transport::long_poll::batch::BatchSplitter;
use pushbench_transport::sse::decode::Decoder;
use pushbench_transport::tcp::frame::FrameDecoder as TcpDecoder;
use pushbench_transport::transport::{ServeOptions, TRANSPORTS};
use pushbench_transport::websocket::frame::FrameDecoder as WebSocketDecoder;

use pushbench_anatomy::wire::Wire;

const SIZES: [usize; 2] = [128, 4096];

const STAMP: Stamp = Stamp {
    seq: 7,
    intended: 1_234_567_890_123,
    published: 1_234_567_890_456,
};

fn body(bytes: usize) -> Vec<u8> {
    let payload = Payload {
        bytes,
        kind: PayloadKind::Text,
    };
    let mut body = Vec::new();
    BodyMaker::new(payload, false, 1).body(STAMP, &mut body);
    body
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    let options = ServeOptions::default();
    for bytes in SIZES {
        let body = body(bytes);
        group.throughput(Throughput::Bytes(body.len() as u64));
        for transport in TRANSPORTS {
            let mut out = Vec::new();
            group.bench_function(format!("{}/{bytes}", transport.name()), |bencher| {
                bencher.iter(|| {
                    out.clear();
                    let message = Message {
                        seq: STAMP.seq,
                        body: black_box(&body),
                        binary: false,
                    };
                    transport.encode(message, &options, &mut out);
                });
            });
        }
    }
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for bytes in SIZES {
        let body = body(bytes);
        group.throughput(Throughput::Bytes(body.len() as u64));
        let encoded = |wire: Wire| {
            let mut out = Vec::new();
            wire.encode(STAMP.seq, &body, &mut out);
            out
        };

        let stream = encoded(Wire::Tcp);
        let mut decoder = TcpDecoder::new(MAX_MESSAGE);
        group.bench_function(format!("tcp/{bytes}"), |bencher| {
            bencher
                .iter(|| decoder.feed(black_box(&stream), &mut |message| _ = black_box(message)));
        });

        let stream = encoded(Wire::WebSocket);
        let mut decoder = WebSocketDecoder::new(MAX_MESSAGE);
        group.bench_function(format!("websocket/{bytes}"), |bencher| {
            bencher
                .iter(|| decoder.feed(black_box(&stream), &mut |message| _ = black_box(message)));
        });

        let stream = encoded(Wire::Sse);
        let mut chunks = BodyDecoder::new(Framing::Chunked);
        let mut decoder = Decoder::new(MAX_MESSAGE);
        group.bench_function(format!("sse/{bytes}"), |bencher| {
            bencher.iter(|| {
                chunks.feed::<BodyError>(black_box(&stream), &mut |data| {
                    decoder
                        .feed(data, &mut |message| _ = black_box(message))
                        .expect("the event is short");
                    Ok(())
                })
            });
        });

        let line = [&body[..], b"\n"].concat();
        let mut splitter = BatchSplitter::new(MAX_MESSAGE);
        group.bench_function(format!("long-poll/{bytes}"), |bencher| {
            bencher.iter(|| splitter.feed(black_box(&line), &mut |message| _ = black_box(message)));
        });
    }
}

fn envelope(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("message");
    for bytes in SIZES {
        let body = body(bytes);
        group.throughput(Throughput::Bytes(body.len() as u64));
        let data = "x".repeat(bytes);
        let mut out = Vec::new();
        group.bench_function(format!("encode/{bytes}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                message::encode_text(black_box(STAMP), &data, &mut out);
            });
        });
        group.bench_function(format!("parse/{bytes}"), |bencher| {
            bencher.iter(|| message::parse(black_box(&body)));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500));
    targets = encode, decode, envelope
}
criterion_main!(benches);
