//! The namespace, the device in it, and what can stand against them.

use std::io;
use std::net::IpAddr;

use pushbench_model::link::{Link, MTU};
use pushbench_sys::namespace::{self, Entered};
use pushbench_sys::netlink::Device;
use pushbench_sys::tun::{DOOR, Tun};

use crate::address::{CLIENT, PREFIX};
use crate::emulator::Emulator;
use crate::junction::Junction;
use crate::meter::Meter;

/// Name of the device.
const DEVICE: &str = "pb0";
/// Packets that may wait for the emulator thread: more than it is ever behind unless the machine has stood still.
const WAITING: u32 = 16_384;

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No namespace.
    #[error(
        "no link can be made here: a network namespace is not allowed ({0}); allow user namespaces (sysctl \
         user.max_user_namespaces=10000; on Debian kernel.unprivileged_userns_clone=1; on Ubuntu \
         kernel.apparmor_restrict_unprivileged_userns=0), give a container --cap-add SYS_ADMIN --cap-add NET_ADMIN, or run \
         as root"
    )]
    Namespace(#[source] io::Error),
    /// No device.
    #[error(
        "no link can be made here: {DOOR} gives no device ({0}); load the module (modprobe tun), let this user open it \
         (chmod 666 {DOOR}), and give a container --device {DOOR}"
    )]
    Device(#[source] io::Error),
    /// No address for it.
    #[error(
        "no link can be made here: the network of this process cannot be set up ({0}); on Ubuntu user namespaces have no \
         rights until sysctl kernel.apparmor_restrict_unprivileged_userns=0; or run as root"
    )]
    SetUp(#[source] io::Error),
    /// Nothing to emulate.
    #[error("no link can be made of none")]
    None,
    /// No thread or files left.
    #[error("no link can be made here: its emulator cannot be started ({0})")]
    Emulator(#[source] io::Error),
}

/// The network this process is in from now on. Dropping it ends the link; the process stays where it is.
#[derive(Debug)]
pub struct Network {
    _emulator: Emulator,
    junction: Junction,
    entered: Entered,
}

impl Network {
    /// Its links, and which of them is taken.
    #[must_use]
    pub fn junction(&self) -> &Junction {
        &self.junction
    }

    /// What crosses the link.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        self.junction.meter()
    }

    /// Whether a user namespace was needed.
    #[must_use]
    pub fn entered(&self) -> Entered {
        self.entered
    }
}

/// Moves this process, with all that it starts from now on, into a network of its own in which [`FAR`](crate::FAR) is
/// the other end of the first of `links`, until its [`Junction`] takes another, and everything else but loopback is out
/// of reach. Call it before any thread is started.
///
/// # Errors
///
/// When the machine does not allow it, with what to do about it. The process may have moved all the same.
pub fn enter(links: &[Link], seed: u64) -> Result<Network, LinkError> {
    if links.is_empty() {
        return Err(LinkError::None);
    }
    let entered = namespace::enter_network().map_err(LinkError::Namespace)?;
    let tun = Tun::new(DEVICE).map_err(LinkError::Device)?;
    set_up(tun.name()).map_err(LinkError::SetUp)?;
    let junction = Junction::new(links, Meter::new());
    let emulator = Emulator::start(tun, links, seed, &junction).map_err(LinkError::Emulator)?;
    Ok(Network {
        _emulator: emulator,
        junction,
        entered,
    })
}

fn set_up(device: &str) -> io::Result<()> {
    Device::named("lo")?.up()?;
    let device = Device::named(device)?;
    device.set(MTU as u32, WAITING)?;
    device.add_address(IpAddr::V4(CLIENT), PREFIX)?;
    device.up()
}
