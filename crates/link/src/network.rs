//! The namespace, the device in it, and what can stand against them.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use pushbench_model::link::{Link, LinkBy, MTU};
use pushbench_sys::namespace::{self, Entered};
use pushbench_sys::netlink::Device;
use pushbench_sys::tun::{DOOR, Tun};

use crate::address::{BESIDE_SEEN, CLIENT, PREFIX, SIDE_PREFIX};
use crate::junction::Junction;
use crate::meter::Meter;
use crate::senders::{NotAllowed, Senders};
use crate::shaper::Shaper;
use crate::task::Task;
use crate::{emulator, relay};

/// Name of the device, and of the second where packets from the server leave by one of their own.
const DEVICE: &str = "pb0";
const BACK: &str = "pb1";
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
    /// netem was asked for, and does not do what a link says.
    #[error("{0}")]
    Refused(String),
    /// netem was asked for, and the kernel has none.
    #[error(
        "the kernel has no netem ({0}): load its module as root, outside of containers (modprobe sch_netem; it is in \
         linux-modules-extra-$(uname -r) on Ubuntu, in kernel-modules-extra on Fedora), take a kernel that has one \
         (CONFIG_NET_SCH_NETEM), or leave out --link-by netem"
    )]
    NoNetem(#[source] io::Error),
    /// netem was asked for, and cannot be set.
    #[error("netem cannot be set for the link ({0}); leave out --link-by netem")]
    Netem(#[source] io::Error),
    /// A link says what senders are to use, and they cannot.
    #[error(transparent)]
    Congestion(NotAllowed),
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
    _task: Task,
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
/// of reach. Senders use the congestion control of a link once that is taken. Call it before any thread is started.
///
/// # Errors
///
/// When the machine does not allow it, or `by` cannot be one of the links, with what to do about it. The process may have
/// moved all the same.
pub fn enter(links: &[Link], by: LinkBy, seed: u64) -> Result<Network, LinkError> {
    let first = links.first().ok_or(LinkError::None)?;
    if let Some(why) = links.iter().find_map(|link| by.refuses(link)) {
        return Err(LinkError::Refused(why));
    }
    let entered = namespace::enter_network().map_err(LinkError::Namespace)?;
    let lo = Device::named("lo").and_then(|lo| lo.up());
    lo.map_err(LinkError::SetUp)?;
    let senders = Senders::new(links).map_err(LinkError::Congestion)?;
    let (task, junction) = match by {
        LinkBy::Userspace => {
            let (tun, _) = device(DEVICE, CLIENT, PREFIX)?;
            let junction = Junction::new(links, None, senders);
            (emulator::start(tun, links, seed, &junction), junction)
        }
        LinkBy::Netem => {
            let (up, to_server) = device(DEVICE, CLIENT, SIDE_PREFIX)?;
            let (down, from_server) = device(BACK, BESIDE_SEEN, SIDE_PREFIX)?;
            let shaper = Shaper::new([to_server, from_server], first, seed).map_err(no_netem)?;
            let junction = Junction::new(links, Some(Arc::new(shaper)), senders);
            (relay::start([up, down], links, &junction), junction)
        }
    };
    Ok(Network {
        _task: task.map_err(LinkError::Emulator)?,
        junction,
        entered,
    })
}

fn no_netem(error: io::Error) -> LinkError {
    match error.kind() {
        io::ErrorKind::NotFound => LinkError::NoNetem(error),
        _ => LinkError::Netem(error),
    }
}

/// A device called `name` that is up and leads to all that begins as `address` does.
fn device(name: &str, address: Ipv4Addr, prefix: u8) -> Result<(Tun, Device), LinkError> {
    let tun = Tun::new(name).map_err(LinkError::Device)?;
    let set_up = || {
        let device = Device::named(tun.name())?;
        device.set(MTU as u32, WAITING)?;
        device.add_address(IpAddr::V4(address), prefix)?;
        device.up()?;
        Ok(device)
    };
    let device = set_up().map_err(LinkError::SetUp)?;
    Ok((tun, device))
}
