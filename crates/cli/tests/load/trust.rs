//! Whom a connection with TLS trusts when nothing is said.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use pushbench_model::drive::FaultKind;
use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::common::{Stage, finish};
use crate::endpoint::events;
use crate::{load, report};

/// An event stream over TLS whose certificate an authority of a company has signed: its URL, and the authority in PEM.
fn of_a_company() -> (String, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let company = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &company)
        .unwrap();
    (serve(&certificate, &key), company.pem())
}

/// An event stream over TLS with this certificate: its URL.
fn serve(certificate: &Certificate, key: &KeyPair) -> String {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let url = format!(
        "https://localhost:{}/",
        listener.local_addr().unwrap().port()
    );
    thread::spawn(move || {
        for stream in listener.incoming() {
            let session = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(session, stream.unwrap());
            // A client that does not trust us ends the handshake.
            if stream.read(&mut [0; 2048]).is_ok() {
                let _ = stream.write_all(events(2).as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    url
}

#[test]
fn authorities_of_the_system() {
    let (url, authority) = of_a_company();
    let stage = Stage::new();
    stage.write("company.pem", &authority);
    let arguments = ["sse", &url, "-c", "2", "--reconnect", "never", "-z", "20s"];
    let trusting = |file: Option<&str>| {
        let mut command = load(&stage, &arguments);
        for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
            command.env_remove(name);
        }
        finish(command.envs(file.map(|file| ("SSL_CERT_FILE", stage.path(file)))))
    };
    let trusted = report(trusting(Some("company.pem")), 0);
    assert_eq!(trusted.messages.received, 4, "{trusted:?}");
    assert_eq!(trusted.connections.failed, 0);

    let stranger = report(trusting(None), 1);
    assert_eq!(stranger.messages.received, 0);
    assert_eq!(
        (stranger.faults[0].kind, stranger.faults[0].count),
        (FaultKind::Tls, 2)
    );

    let nowhere = trusting(Some("nowhere.pem")).with(2);
    nowhere.in_one_line(&["SSL_CERT_FILE", "nowhere.pem", "--cacert"]);
}

/// What `openssl req -x509` makes: an authority's certificate that a server shows as its own.
#[test]
fn a_certificate_that_a_server_signs_itself() {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let url = serve(&certificate, &key);
    let stage = Stage::new();
    stage.write("own.pem", &certificate.pem());
    let (_, authority) = of_a_company();
    stage.write("company.pem", &authority);
    let drive = |more: &[&str], url: &str, code| {
        let arguments = [
            &["sse", url, "-c", "2", "--reconnect", "never", "-z", "20s"],
            more,
        ]
        .concat();
        report(finish(&mut load(&stage, &arguments)), code)
    };
    for more in [&["--cacert", "own.pem"][..], &["-k"]] {
        assert_eq!(drive(more, &url, 0).messages.received, 4);
    }
    // Another authority, and another name.
    let other = url.replace("localhost", "127.0.0.1");
    for (file, url) in [("company.pem", &url), ("own.pem", &other)] {
        let refused = drive(&["--cacert", file], url, 1);
        assert_eq!(
            (refused.faults[0].kind, refused.faults[0].count),
            (FaultKind::Tls, 2),
            "{file}: {refused:?}"
        );
        let said = "certificate is that of an authority: --cacert with that very certificate";
        assert_eq!(
            refused.faults[0].text.contains(said),
            file == "company.pem",
            "{refused:?}"
        );
    }
    let named = ["--cacert", "own.pem", "--server-name", "localhost"];
    assert_eq!(drive(&named, &other, 0).messages.received, 4);
}
