//! Key stores of all formats, and connections with each kind of certificate to a server in this
//! process.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use zk_wire::connect::{ConnectRequest, ConnectResponse};
use zk_wire::header::{ReplyHeader, RequestHeader};
use zk_wire::reply::Reply;
use zk_wire::request::Request;
use zk_wire::{Jute, Reader, frame};

use super::settings::{Password, StoreSettings, StoreType};
use super::{ClientAuth, Prefix, TlsSettings, name, store};
use crate::config::Properties;
use crate::server::Server;
use crate::server::tests::{start, stop};

fn fixture(name: &str, kind: StoreType, password: &str) -> StoreSettings {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/zookeeper/ops/tls");
    let password = Password::Text(password.to_owned());
    StoreSettings { location: folder.join(name), password, kind }
}

#[test]
fn stores_of_java() {
    let keys = [("server.jks", StoreType::Jks), ("server.p12", StoreType::Pkcs12)];
    let [jks, p12] = keys.map(|(name, kind)| store::key(&fixture(name, kind, "secret")).unwrap());
    assert_eq!(jks.chain, p12.chain);
    assert_eq!(jks.key.secret_der(), p12.key.secret_der());
    let subject = name::subject(&jks.chain[0]).unwrap();
    assert_eq!(subject, "CN=server,OU=Ops,O=Acme\\, Inc.,C=DE");
    // Java's newer files are PKCS12 under the old name.
    assert!(store::key(&fixture("server.p12", StoreType::Jks, "secret")).is_ok());
    for (name, kind) in [("trust.jks", StoreType::Jks), ("trust.p12", StoreType::Pkcs12)] {
        assert_eq!(store::trusted(&fixture(name, kind, "secret")).unwrap().len(), 1, "{name}");
        assert!(store::key(&fixture(name, kind, "secret")).is_err(), "{name}");
        let error = store::trusted(&fixture(name, kind, "wrong")).unwrap_err();
        assert!(error.contains("wrong password"), "{error}");
    }
    assert!(store::key(&fixture("server.jks", StoreType::Pem, "")).is_err());
}

#[test]
fn damaged_stores_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (name, kind) in [("server.jks", StoreType::Jks), ("server.p12", StoreType::Pkcs12)] {
        let whole = std::fs::read(fixture(name, kind, "").location).unwrap();
        for len in (0..whole.len()).step_by(97) {
            let location = folder.path().join(name);
            std::fs::write(&location, &whole[..len]).unwrap();
            let password = Password::Text("secret".to_owned());
            let cut = StoreSettings { location, password, kind };
            assert!(store::key(&cut).is_err(), "{name} of {len} bytes");
        }
    }
}

#[test]
fn settings_that_cannot_be_kept_are_errors() {
    let read = |text: &str| {
        let text = format!("ssl.keyStore.location=/k.pem\n{text}");
        let properties = Properties::parse(Path::new("zoo.cfg"), &text).unwrap();
        TlsSettings::read(&properties, Prefix::Client).map_err(|error| error.to_string())
    };
    let settings = read("ssl.enabledProtocols=TLSv1.1,TLSv1.3\nssl.clientAuth=WANT\n").unwrap();
    assert_eq!(settings.protocols, ["TLSv1.3"]);
    assert_eq!(settings.client_auth, ClientAuth::Want);
    for (text, part) in [
        ("ssl.crl=true", "ssl.crl=true: revocation lists are not looked at: remove this key"),
        ("ssl.clientAuth=maybe", "must be none, want or need"),
        ("ssl.enabledProtocols=SSLv3", "names none of TLSv1.2 and TLSv1.3"),
        ("ssl.ciphersuites=TLS_RSA_WITH_RC4_128_MD5", "TLS_AES_128_GCM_SHA256"),
        ("ssl.trustStore.location=/t.bcfks", ".pem, .p12 or .jks"),
        ("ssl.trustStore.location=/t\nssl.trustStore.type=BCFKS", "keytool -importkeystore"),
    ] {
        let error = read(text).err().unwrap();
        assert!(error.contains(part), "{error}");
    }
}

/// An authority, and what it signs, in a folder.
struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    fn new(folder: &Path) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(folder.join("ca.pem"), certificate.pem()).unwrap();
        let (folder, certificate) = (folder.to_owned(), certificate.der().clone());
        Self { folder, issuer: Issuer::new(params, key), certificate }
    }

    /// A key and its certificate, in a file.
    fn sign(&self, common_name: &str, file: &str) -> PathBuf {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let path = self.folder.join(file);
        std::fs::write(&path, certificate.pem() + &key.serialize_pem()).unwrap();
        path
    }

    fn connect(&self, address: SocketAddr, identity: Option<&Path>) -> impl Read + Write {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match identity {
            None => config.with_no_client_auth(),
            Some(path) => {
                let chain = CertificateDer::pem_file_iter(path).unwrap();
                let key = PrivateKeyDer::from_pem_file(path).unwrap();
                config.with_client_auth_cert(chain.map(Result::unwrap).collect(), key).unwrap()
            }
        };
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        StreamOwned::new(connection, TcpStream::connect(address).unwrap())
    }
}

fn receive(stream: &mut impl Read) -> Option<Bytes> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).ok()?;
    let mut frame = vec![0; u32::from_be_bytes(head) as usize];
    stream.read_exact(&mut frame).ok()?;
    Some(frame.into())
}

/// Opens a session and asks who the server takes this client for; `None` where it does not talk.
fn who_am_i(mut stream: impl Read + Write) -> Option<Vec<String>> {
    let request = ConnectRequest { timeout_ms: 30_000, ..ConnectRequest::default() };
    let mut out = Vec::new();
    frame::put(&mut out, |out| request.encode(out)).unwrap();
    stream.write_all(&out).ok()?;
    ConnectResponse::from_bytes(&receive(&mut stream)?).unwrap();
    out.clear();
    let header = RequestHeader { xid: 1, op: Request::WhoAmI.op().code() };
    frame::put(&mut out, |out| header.encode(out)).unwrap();
    stream.write_all(&out).ok()?;
    let frame = receive(&mut stream)?;
    let mut reader = Reader::new(&frame);
    ReplyHeader::decode(&mut reader).unwrap();
    let Ok(Reply::WhoAmI(who)) = Reply::decode(Request::WhoAmI.op(), &mut reader) else {
        return None;
    };
    let id = |of: zk_wire::reply::ClientInfo| {
        format!("{}:{}", of.auth_scheme.unwrap_or_default(), of.user.unwrap_or_default())
    };
    Some(who.client_info.into_iter().flatten().map(id).collect())
}

fn secure_server(folder: &Path, authority: &Authority, more: &str) -> Server {
    let key = authority.sign("server", "server.pem");
    let text = format!(
        "ssl.keyStore.location={}\nssl.trustStore.location={}\n{more}",
        key.display(),
        folder.join("ca.pem").display()
    );
    start(folder, &text)
}

fn secure_address(server: &Server) -> SocketAddr {
    server.handle().operations().addresses().secure.unwrap()
}

#[test]
fn certificates_are_identities() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let more = "secureClientPort=0\nsecureClientPortAddress=127.0.0.1\n\
                X509AuthenticationProvider.superUser=CN=root\n";
    let server = secure_server(folder.path(), &authority, more);
    let address = secure_address(&server);
    let client = authority.sign("client", "client.pem");
    let root = authority.sign("root", "root.pem");
    let stranger_folder = folder.path().join("other");
    std::fs::create_dir(&stranger_folder).unwrap();
    let stranger = Authority::new(&stranger_folder).sign("client", "client.pem");
    let ids = |path: Option<&Path>| who_am_i(authority.connect(address, path));
    assert_eq!(ids(Some(&client)).unwrap(), ["ip:127.0.0.1", "x509:CN=client"]);
    assert_eq!(ids(Some(&root)).unwrap().last().unwrap(), "x509:CN=root");
    assert_eq!(ids(Some(&stranger)), None);
    assert_eq!(ids(None), None);
    assert_eq!(who_am_i(TcpStream::connect(address).unwrap()), None, "plain text");
    let plain = TcpStream::connect(server.client_address().unwrap()).unwrap();
    assert_eq!(who_am_i(plain).unwrap(), ["ip:127.0.0.1"]);
    assert!(server.handle().metrics().unsuccessful_handshake.get() >= 2);
    stop(server);
}

#[test]
fn one_port_takes_both() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let more = "client.portUnification=true\nssl.clientAuth=want\n";
    let server = secure_server(folder.path(), &authority, more);
    let address = server.client_address().unwrap();
    let client = authority.sign("client", "client.pem");
    let plain = TcpStream::connect(address).unwrap();
    assert_eq!(who_am_i(plain).unwrap(), ["ip:127.0.0.1"]);
    assert_eq!(who_am_i(authority.connect(address, None)).unwrap(), ["ip:127.0.0.1"]);
    let known = who_am_i(authority.connect(address, Some(&client))).unwrap();
    assert_eq!(known, ["ip:127.0.0.1", "x509:CN=client"]);
    let mut word = TcpStream::connect(address).unwrap();
    word.write_all(b"srvr").unwrap();
    let mut answer = String::new();
    word.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("Mode: standalone"), "{answer}");
    let mut word = authority.connect(address, None);
    word.write_all(b"srvr").unwrap();
    let mut answer = Vec::new();
    // Whether a server says goodbye within TLS does not matter.
    let _ = word.read_to_end(&mut answer);
    assert!(String::from_utf8_lossy(&answer).contains("Mode: standalone"));
    stop(server);
}

#[test]
fn certificates_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let key = authority.sign("first", "server.pem");
    let text = format!("ssl.keyStore.location={}\nssl.clientAuth=none\n", key.display());
    let properties = Properties::parse(Path::new("zoo.cfg"), &text).unwrap();
    let tls = super::Tls::new(TlsSettings::read(&properties, Prefix::Client).unwrap()).unwrap();
    let mut files = super::reload::Files::new(tls.settings.files());
    assert!(!files.have_changed());
    let before = tls.config.read().unwrap().clone();
    std::fs::write(&key, "no certificate").unwrap();
    assert!(files.have_changed() && !files.have_changed());
    assert!(tls.reload().is_err());
    assert!(Arc::ptr_eq(&before, &tls.config.read().unwrap()));
    authority.sign("second", "server.pem");
    assert!(tls.reload().is_ok());
    assert!(!Arc::ptr_eq(&before, &tls.config.read().unwrap()));
}
