//! Secured endpoints: whom they trust, and who is nobody.

use super::*;

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PathBuf,
    _directory: tempfile::TempDir,
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, issuer.pem()).unwrap();
    Authority {
        issuer,
        file,
        _directory: directory,
    }
}

/// A server with TLS that sends two events, each connection on a thread of its own.
fn secured(authority: &Authority, name: &str) -> SocketAddr {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()])
        .unwrap()
        .signed_by(&key, &authority.issuer)
        .unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
    let config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let session = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(session, stream);
            // A client that does not trust us ends the handshake.
            if stream.read(&mut [0; 2048]).is_ok() {
                let text = format!("{STREAM}data: {{\"t\":1}}\n\ndata: {{\"t\":\"2\"}}\n\n");
                let _ = stream.write_all(text.as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    address
}

#[test]
fn tls_with_friends_strangers_and_impostors() {
    let (friend, stranger) = (authority(), authority());
    let address = secured(&friend, "localhost");
    let url = format!("https://localhost:{}/", address.port());
    let with = |tls: Tls| {
        let mut plan = plan("sse", url.clone());
        plan.tls = tls;
        plan.reading = Reading::Pointers {
            sequence: None,
            time: Some(TimeAt {
                pointer: "/t".into(),
                unit_ns: 1_000_000,
                unix: false,
            }),
        };
        drive(&plan)
    };
    let trusting = with(Tls {
        ca: Some(friend.file.clone()),
        ..Tls::default()
    });
    assert_eq!(trusting.messages.received, 2, "{trusting:?}");
    assert_eq!(count(&trusting, histogram::SERVICE), 2);
    assert_eq!(count(&trusting, histogram::CONNECT), 1);
    let careless = with(Tls {
        insecure: true,
        ..Tls::default()
    });
    assert_eq!(careless.messages.received, 2, "{careless:?}");
    for tls in [
        Tls {
            ca: Some(stranger.file.clone()),
            ..Tls::default()
        },
        Tls {
            ca: Some(friend.file.clone()),
            server_name: Some("example.org".into()),
            ..Tls::default()
        },
        Tls::default(),
    ] {
        let report = with(tls);
        assert_eq!(
            (report.messages.received, report.connections.failed),
            (0, 1),
            "{report:?}"
        );
        assert_eq!(report.faults[0].kind, FaultKind::Tls, "{report:?}");
    }
    // Plain HTTP where TLS is spoken, and TLS where it is not.
    let plain = drive(&plan("sse", format!("http://{address}/")));
    assert_eq!(plain.connections.failed, 1, "{plain:?}");
    let silent = scripted(|_, _, stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad\r\n\r\n");
    });
    let mut odd = plan("sse", format!("https://{silent}/"));
    odd.patience = Duration::from_millis(300);
    let odd = drive(&odd);
    assert!(
        matches!(odd.faults[0].kind, FaultKind::Tls | FaultKind::Timeout),
        "{odd:?}"
    );
}
