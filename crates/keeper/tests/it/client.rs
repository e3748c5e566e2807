//! A client of the tests: blocking, one socket, nothing hidden. It sees every frame in the order in
//! which the server sent it, and may drop the connection at any moment.

use std::collections::VecDeque;
use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use zk_wire::acl::Acl;
use zk_wire::connect::{ConnectRequest, ConnectResponse};
use zk_wire::create_mode::CreateMode;
use zk_wire::error_code::ErrorCode;
use zk_wire::event::WatcherEvent;
use zk_wire::header::{ReplyHeader, RequestHeader, xid};
use zk_wire::multi::{MultiOp, MultiRequest};
use zk_wire::op_code::OpCode;
use zk_wire::reply::Reply;
use zk_wire::request::{
    AuthPacket, CreateRequest, DeleteRequest, PathRequest, ReadRequest, Request, SetDataRequest,
};
use zk_wire::stat::Stat;
use zk_wire::{Jute, Reader, SessionId, Zxid, frame};

/// No test waits longer for a server's word.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Between two attempts to reach a server that is not there.
pub const POLL: Duration = Duration::from_millis(5);
const FRAME_MAX: usize = 64 << 20;

/// A session in one connection.
pub struct Client {
    stream: BufReader<TcpStream>,
    /// What the server said when the session was opened.
    pub session: ConnectResponse,
    /// The highest zxid seen.
    pub last_zxid: Zxid,
    /// Notifications, oldest first.
    pub events: Vec<WatcherEvent>,
    next_xid: i32,
    waiting: VecDeque<(i32, OpCode)>,
}

/// What comes from a server in a session.
#[derive(Debug, Clone, PartialEq)]
pub enum Received {
    Event(ReplyHeader, WatcherEvent),
    Answer(Answer),
}

/// What answers a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub header: ReplyHeader,
    /// Empty where the header says an error.
    pub reply: Reply,
}

impl Answer {
    pub fn err(&self) -> ErrorCode {
        ErrorCode::from_code(self.header.err).unwrap()
    }

    fn ok(self) -> Result<Reply, ErrorCode> {
        match self.header.err {
            0 => Ok(self.reply),
            _ => Err(self.err()),
        }
    }
}

/// A socket that gives up in the end.
pub fn socket(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// The next frame's body.
pub fn read_frame(stream: &mut impl Read) -> io::Result<Bytes> {
    let mut len = [0; 4];
    stream.read_exact(&mut len)?;
    let len = usize::try_from(i32::from_be_bytes(len)).map_err(io::Error::other)?;
    assert!(len <= FRAME_MAX, "a frame of {len} bytes");
    let mut body = vec![0; len];
    stream.read_exact(&mut body)?;
    Ok(body.into())
}

/// A whole frame.
pub fn framed(body: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    frame::put(&mut out, body).unwrap();
    out
}

/// A request's frame.
pub fn request_frame(xid: i32, request: &Request) -> Vec<u8> {
    framed(|out| {
        RequestHeader { xid, op: request.op().code() }.encode(out);
        request.encode(out);
    })
}

pub fn opening(timeout_ms: i32) -> ConnectRequest {
    let password = Some(Bytes::from_static(&[0; 16]));
    ConnectRequest { timeout_ms, password, read_only: Some(false), ..ConnectRequest::default() }
}

/// Sends a connect request; the server's word on it.
pub fn handshake(stream: &mut TcpStream, request: &ConnectRequest) -> io::Result<ConnectResponse> {
    stream.write_all(&framed(|out| request.encode(out)))?;
    let response = read_frame(stream)?;
    ConnectResponse::from_bytes(&response).map_err(io::Error::other)
}

impl Client {
    /// A new session.
    pub fn connect(address: SocketAddr) -> io::Result<Client> {
        Client::open(address, &opening(30_000))
    }

    /// A session as asked for; an error also where the server says that it is not valid.
    pub fn open(address: SocketAddr, request: &ConnectRequest) -> io::Result<Client> {
        let mut stream = socket(address)?;
        let session = handshake(&mut stream, request)?;
        if session.session_id == SessionId(0) {
            return Err(io::Error::other("the session is not valid"));
        }
        Ok(Client {
            stream: BufReader::new(stream),
            session,
            last_zxid: request.last_zxid_seen,
            events: Vec::new(),
            next_xid: 1,
            waiting: VecDeque::new(),
        })
    }

    /// What goes on with the session elsewhere.
    pub fn resumption(&self) -> ConnectRequest {
        ConnectRequest {
            last_zxid_seen: self.last_zxid,
            session_id: self.session.session_id,
            password: self.session.password.clone(),
            ..opening(self.session.timeout_ms)
        }
    }

    /// The socket, for what no client does.
    pub fn stream(&mut self) -> &mut TcpStream {
        self.stream.get_mut()
    }

    /// Requests that are not answered yet.
    pub fn unanswered(&self) -> usize {
        self.waiting.len()
    }

    pub fn send(&mut self, request: &Request) -> io::Result<i32> {
        let xid = match request {
            Request::Ping => xid::PING,
            Request::Auth(_) => xid::AUTH,
            Request::SetWatches(_) | Request::SetWatches2(_) => xid::SET_WATCHES,
            _ => {
                self.next_xid += 1;
                self.next_xid
            }
        };
        self.waiting.push_back((xid, request.op()));
        self.stream().write_all(&request_frame(xid, request))?;
        Ok(xid)
    }

    /// What comes next. Checks that answers come in the order of the requests.
    pub fn receive(&mut self) -> io::Result<Received> {
        let body = read_frame(&mut self.stream)?;
        let mut input = Reader::new(&body);
        let header = ReplyHeader::decode(&mut input).map_err(io::Error::other)?;
        self.last_zxid = self.last_zxid.max(header.zxid);
        if header.xid == xid::NOTIFICATION {
            let event = WatcherEvent::decode(&mut input).map_err(io::Error::other)?;
            self.events.push(event.clone());
            return Ok(Received::Event(header, event));
        }
        // Auth packets and pings pass others by.
        let place = match header.xid {
            xid::PING | xid::AUTH => self.waiting.iter().position(|(xid, _)| *xid == header.xid),
            _ => Some(0),
        };
        let (xid, op) = place.and_then(|place| self.waiting.remove(place)).expect("not asked for");
        assert_eq!(header.xid, xid, "answers in the order of requests");
        let reply = match header.err {
            0 => Reply::decode(op, &mut input).map_err(io::Error::other)?,
            _ => Reply::Empty,
        };
        assert_eq!(input.left(), 0, "{op:?}: {reply:?} and more");
        Ok(Received::Answer(Answer { header, reply }))
    }

    /// The next answer; events before it are kept.
    pub fn answer(&mut self) -> io::Result<Answer> {
        loop {
            if let Received::Answer(answer) = self.receive()? {
                return Ok(answer);
            }
        }
    }

    /// Sends one request and waits for its answer, and for those before it.
    pub fn ask(&mut self, request: &Request) -> io::Result<Answer> {
        self.send(request)?;
        while self.waiting.len() > 1 {
            self.answer()?;
        }
        self.answer()
    }

    /// As `ask`, where the connection is not expected to break.
    pub fn try_ask(&mut self, request: &Request) -> Result<Reply, ErrorCode> {
        let answer =
            self.ask(request).unwrap_or_else(|error| panic!("{:?}: {error}", request.op()));
        answer.ok()
    }

    pub fn create(
        &mut self,
        path: &str,
        data: &[u8],
        mode: CreateMode,
    ) -> Result<String, ErrorCode> {
        match self.try_ask(&create(path, data, mode))? {
            Reply::Path(response) => Ok(response.path.unwrap().to_string()),
            other => panic!("{other:?}"),
        }
    }

    pub fn set(&mut self, path: &str, data: &[u8], version: i32) -> Result<Stat, ErrorCode> {
        match self.try_ask(&set(path, data, version))? {
            Reply::Stat(response) => Ok(response.stat),
            other => panic!("{other:?}"),
        }
    }

    pub fn get(&mut self, path: &str) -> Result<(Bytes, Stat), ErrorCode> {
        match self.try_ask(&get(path, false))? {
            Reply::Data(response) => Ok((response.data.unwrap_or_default(), response.stat)),
            other => panic!("{other:?}"),
        }
    }

    pub fn exists(&mut self, path: &str) -> Result<Stat, ErrorCode> {
        let request = ReadRequest { path: Some(path.into()), watch: false };
        match self.try_ask(&Request::Exists(request))? {
            Reply::Stat(response) => Ok(response.stat),
            other => panic!("{other:?}"),
        }
    }

    pub fn delete(&mut self, path: &str, version: i32) -> Result<(), ErrorCode> {
        self.try_ask(&delete(path, version)).map(|_| ())
    }

    pub fn children(&mut self, path: &str) -> Result<Vec<String>, ErrorCode> {
        let request = ReadRequest { path: Some(path.into()), watch: false };
        match self.try_ask(&Request::GetChildren(request))? {
            Reply::Children(response) => {
                let names = response.children.unwrap_or_default();
                let mut names: Vec<String> = names.iter().map(ToString::to_string).collect();
                names.sort();
                Ok(names)
            }
            other => panic!("{other:?}"),
        }
    }

    pub fn auth(&mut self, scheme: &str, credentials: &str) -> io::Result<ErrorCode> {
        let auth = Some(Bytes::copy_from_slice(credentials.as_bytes()));
        let packet = AuthPacket { kind: 0, scheme: Some(scheme.into()), auth };
        Ok(self.ask(&Request::Auth(packet))?.err())
    }

    /// Ends the session, and the connection.
    pub fn close(mut self) -> io::Result<()> {
        self.ask(&Request::CloseSession)?;
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest)?;
        assert!(rest.is_empty(), "{} bytes after the session's end", rest.len());
        Ok(())
    }

    /// Drops the connection; the session stays.
    pub fn cut(&mut self) {
        // It may be cut already.
        let _ = self.stream().shutdown(Shutdown::Both);
    }

    /// Whether the server has closed the connection, now or soon.
    pub fn is_closed_by_server(&mut self) -> bool {
        is_closed(self.stream())
    }
}

/// Reads until the end; an end by reset is one, too.
pub fn is_closed(stream: &mut impl Read) -> bool {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
    }
}

pub fn create(path: &str, data: &[u8], mode: CreateMode) -> Request {
    Request::Create(create_request(path, data, mode))
}

pub fn create_request(path: &str, data: &[u8], mode: CreateMode) -> CreateRequest {
    CreateRequest {
        path: Some(path.into()),
        data: Some(Bytes::copy_from_slice(data)),
        acl: Some(vec![Acl::open()]),
        flags: mode.flags(),
    }
}

pub fn set_request(path: &str, data: &[u8], version: i32) -> SetDataRequest {
    let data = Some(Bytes::copy_from_slice(data));
    SetDataRequest { path: Some(path.into()), data, version }
}

pub fn set(path: &str, data: &[u8], version: i32) -> Request {
    Request::SetData(set_request(path, data, version))
}

pub fn get(path: &str, watch: bool) -> Request {
    Request::GetData(ReadRequest { path: Some(path.into()), watch })
}

pub fn delete(path: &str, version: i32) -> Request {
    Request::Delete(DeleteRequest { path: Some(path.into()), version })
}

pub fn sync(path: &str) -> Request {
    Request::Sync(PathRequest { path: Some(path.into()) })
}

pub fn multi(ops: Vec<MultiOp>) -> Request {
    Request::Multi(MultiRequest { ops })
}
