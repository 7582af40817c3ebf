//! How families are written: the encoder of `prometheus-client`, a call a family.

use std::fmt;

use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue},
    metrics::MetricType,
};

use super::histogram::Shape;

/// Writes families, each with its series.
pub(super) struct Families<'a>(pub(super) DescriptorEncoder<'a>);

pub(super) type Labels<const N: usize> = [(&'static str, &'static str); N];

impl Families<'_> {
    pub(super) fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.counter_of(name, help, value)
    }

    #[expect(clippy::needless_pass_by_value, reason = "most values are made for this call")]
    pub(super) fn counter_of(
        &mut self,
        name: &str,
        help: &str,
        value: impl EncodeCounterValue,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        family.encode_counter::<Labels<0>, _, f64>(&value, None)
    }

    pub(super) fn counters<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels<N>, u64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in series {
            family.encode_family(&labels)?.encode_counter::<Labels<0>, _, f64>(&value, None)?;
        }
        Ok(())
    }

    /// Counters of microseconds, shown in seconds.
    #[expect(clippy::cast_precision_loss, reason = "figures for people; 2^53 µs are 285 years")]
    pub(super) fn counters_of_seconds<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels<N>, u64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, micros) in series {
            let seconds = micros as f64 / 1e6;
            family.encode_family(&labels)?.encode_counter::<Labels<0>, _, f64>(&seconds, None)?;
        }
        Ok(())
    }

    #[expect(clippy::needless_pass_by_value, reason = "most values are made for this call")]
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: impl EncodeGaugeValue) -> fmt::Result {
        self.0.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    pub(super) fn gauges<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels<N>, u64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in series {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    pub(super) fn histograms<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels<N>, Shape)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (labels, Shape { sum, count, buckets }) in series {
            family.encode_family(&labels)?.encode_histogram::<Labels<0>>(sum, count, &buckets, None)?;
        }
        Ok(())
    }
}
