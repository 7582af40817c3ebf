//! Counts what a request asks of the database.

use std::sync::Arc;

use async_trait::async_trait;
use portico_domain::{
    meter,
    models::Timestamp,
    ports::{Clock, Unavailable},
};

use crate::driver::{Call, Driver, DriverError, Reserved, Row, Statement};

/// Wraps a driver so that each statement is counted, with its time, into the meter of the request that sends it. A transaction counts its
/// statements; what opens and closes it isn't counted.
pub struct Metered {
    driver: Arc<dyn Driver>,
    clock: Arc<dyn Clock>,
}

impl Metered {
    /// Wraps `driver`, whose times `clock` takes.
    #[must_use]
    pub fn new(driver: Arc<dyn Driver>, clock: Arc<dyn Clock>) -> Self {
        Self { driver, clock }
    }
}

fn count(statements: usize, clock: &dyn Clock, began: Timestamp) {
    if let Some(meter) = meter::current() {
        meter.count_statements(u32::try_from(statements).unwrap_or(u32::MAX), clock.now().since(began));
    }
}

#[async_trait]
impl Driver for Metered {
    async fn run(&self, call: Call) -> Result<Vec<Row>, DriverError> {
        let began = self.clock.now();
        let rows = self.driver.run(call).await;
        count(1, &*self.clock, began);
        rows
    }

    async fn transact(&self, calls: Vec<Call>) -> Result<Vec<Vec<Row>>, DriverError> {
        let (began, statements) = (self.clock.now(), calls.len());
        let rows = self.driver.transact(calls).await;
        count(statements, &*self.clock, began);
        rows
    }

    async fn reserve(&self, statement: &'static Statement) -> Result<Box<dyn Reserved>, Unavailable> {
        let reserved = self.driver.reserve(statement).await?;
        Ok(Box::new(MeteredReserved { reserved, clock: Arc::clone(&self.clock) }))
    }
}

struct MeteredReserved {
    reserved: Box<dyn Reserved>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Reserved for MeteredReserved {
    async fn run(self: Box<Self>, call: Call) -> Result<Vec<Row>, DriverError> {
        let began = self.clock.now();
        let rows = self.reserved.run(call).await;
        count(1, &*self.clock, began);
        rows
    }
}
