use async_trait::async_trait;
use portico_domain::ports::Unavailable;
use tokio_postgres::Config;

use super::{Dial, Dialled};
use crate::driver::SERVICE;

/// Dials the database behind a Worker's `HYPERDRIVE` binding. The socket's way to Hyperdrive doesn't leave the machine; Hyperdrive encrypts
/// its own way to the database.
pub struct HyperdriveBinding(worker::Hyperdrive);

impl HyperdriveBinding {
    /// Wraps the binding.
    #[must_use]
    pub fn new(binding: worker::Hyperdrive) -> Self {
        Self(binding)
    }
}

#[async_trait]
impl Dial for HyperdriveBinding {
    async fn dial(&self) -> Result<Dialled, Unavailable> {
        let config: Config = self
            .0
            .connection_string()
            .parse()
            .map_err(|_| Unavailable::new(SERVICE, "the Hyperdrive binding gave no connection string"))?;
        let socket = self
            .0
            .connect()
            .map_err(|_| Unavailable::new(SERVICE, "the Hyperdrive binding gave no socket"))?;
        Ok(Dialled { stream: Box::new(socket), config })
    }
}
