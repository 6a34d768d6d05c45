//! A measured process and visitors that subscribe, receive nothing and leave, one after the other: what a connection
//! costs besides its messages.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use pushbench_model::anatomy::Side;

use crate::contender::Contender;
use crate::floor::server::Server;
use crate::role::{How, Sender};
use crate::wire::Wire;

use super::child::Child;
use super::sink::subscribe;
use super::{no_line, words};

/// Lets `connections` connections to `contender`, or of it, be opened, subscribed and closed one after the other, in a
/// life of its own. `wrap` may put a tool in front of its command.
///
/// # Errors
///
/// When the process or a connection fails.
pub fn visit(
    contender: &Contender,
    connections: usize,
    wrap: impl FnOnce(&[String]) -> Command,
) -> io::Result<()> {
    match contender.side {
        Side::Server => {
            let mut child = Child::spawn(wrap(&words(contender, None)?))?;
            let address = child.ready()?.ok_or_else(|| no_line("its address"))?;
            child.wait_until_asleep()?;
            for _ in 0..connections {
                pass_by(&mut child, contender.wire(), address)?;
            }
            child.end()?;
        }
        Side::Client => {
            let mut server = Server::bind(contender.wire())?;
            let sender = Sender {
                address: server.address()?,
                connections,
                how: How::InTurn,
            };
            let mut child = Child::spawn(wrap(&words(contender, Some(sender))?))?;
            child.ready()?;
            for _ in 0..connections {
                server.see_off()?;
            }
            child.end()?;
        }
    }
    Ok(())
}

/// One connection to the process, which has done what there is to do before each step: so that every visit is the same
/// work.
fn pass_by(child: &mut Child, wire: Wire, address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    child.wait_until_asleep()?;
    subscribe(&mut stream, wire)?;
    child.wait_until_asleep()?;
    drop(stream);
    child.wait_until_asleep()
}
