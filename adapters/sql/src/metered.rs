//! Counts what a request asks of the database.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use portico_domain::{
    meter::{self, Sent},
    models::{Pools, Timestamp},
    ports::{Clock, Unavailable},
};

use crate::driver::{Call, Calls, Driver, DriverError, Reserved, Row, Statement};

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

/// Counts one statement, and remembers it where that is recorded.
fn count_one(
    statement: &'static str,
    rows: &Result<Vec<Row>, DriverError>,
    clock: &dyn Clock,
    began: Timestamp,
) {
    if let Some(meter) = meter::current() {
        let time = clock.now().since(began);
        meter.count_statements(1, time);
        meter.note_statement(Sent { statement, rows: rows.as_ref().map_or(0, Vec::len), began, time });
    }
}

#[async_trait]
impl Driver for Metered {
    fn pools(&self) -> Pools {
        self.driver.pools()
    }

    async fn run(&self, call: Call) -> Result<Vec<Row>, DriverError> {
        let (began, name) = (self.clock.now(), call.statement.name);
        let rows = self.driver.run(call).await;
        count_one(name, &rows, &*self.clock, began);
        rows
    }

    async fn transact(&self, calls: Vec<Call>) -> Result<Vec<Vec<Row>>, DriverError> {
        let began = self.clock.now();
        let Some(meter) = meter::current() else { return self.driver.transact(calls).await };
        let names: Vec<&str> = calls.iter().map(|call| call.statement.name).collect();
        let rows = self.driver.transact(calls).await;
        let time = self.clock.now().since(began);
        meter.count_statements(u32::try_from(names.len()).unwrap_or(u32::MAX), time);
        for (place, statement) in names.into_iter().enumerate() {
            let given = rows.as_ref().ok().and_then(|rows| rows.get(place));
            meter.note_statement(Sent { statement, rows: given.map_or(0, Vec::len), began, time });
        }
        rows
    }

    async fn transact_each(
        &self,
        calls: Calls<'_>,
        told: &(dyn Fn(usize) + Sync),
    ) -> Result<(), DriverError> {
        let began = self.clock.now();
        let sent = AtomicUsize::new(0);
        let counting = |number| {
            sent.store(number, Ordering::Relaxed);
            told(number);
        };
        let outcome = self.driver.transact_each(calls, &counting).await;
        count(sent.into_inner(), &*self.clock, began);
        outcome
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
        let (began, name) = (self.clock.now(), call.statement.name);
        let rows = self.reserved.run(call).await;
        count_one(name, &rows, &*self.clock, began);
        rows
    }
}
