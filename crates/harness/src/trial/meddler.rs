//! Who takes part in a trial from outside: a self-test that disturbs it on purpose, to see whether it is noticed.

/// The two processes of a trial. Their ids stay taken until the trial is over, also when one has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides {
    /// Id of the server.
    pub server: u32,
    /// Id of the load process.
    pub load: u32,
}

/// Is asked at the turning points of a trial. Each default leaves it alone.
pub trait Meddler {
    /// Where the load process is to connect to a server that said `url`, such as a proxy before it.
    ///
    /// # Errors
    ///
    /// A sentence that says why the trial cannot go on.
    fn data_url(&mut self, url: &str) -> Result<String, String> {
        Ok(url.to_owned())
    }

    /// Further options of the load process.
    fn load_options(&self) -> &[String] {
        &[]
    }

    /// The measured phase has begun; the trial waits for its end only after this has returned.
    fn measuring(&mut self, _: Sides) {}
}

/// Leaves a trial alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Meddler for Nobody {}
