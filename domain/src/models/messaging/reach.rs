use super::super::{ApiKey, InstanceId, OrganizationId};

/// Whose rows somebody sees and writes: an organization's, all of them or those of some of its instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    organization: OrganizationId,
    /// Sorted, each once.
    instances: Option<Vec<InstanceId>>,
}

impl Reach {
    /// All of an organization's rows.
    #[must_use]
    pub const fn of_organization(organization: OrganizationId) -> Self {
        Self { organization, instances: None }
    }

    /// What a key opens.
    #[must_use]
    pub fn of_key(key: &ApiKey) -> Self {
        let instances = key.instance_ids.clone().map(|mut instances| {
            instances.sort_unstable();
            instances.dedup();
            instances
        });
        Self { organization: key.organization_id, instances }
    }

    /// The organization.
    #[must_use]
    pub const fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// The instances; `None` for all, none when empty.
    #[must_use]
    pub fn instances(&self) -> Option<&[InstanceId]> {
        self.instances.as_deref()
    }

    /// Whether rows of this instance are within it, if the instance is the organization's.
    #[must_use]
    pub fn covers(&self, instance: InstanceId) -> bool {
        self.instances.as_ref().is_none_or(|instances| instances.contains(&instance))
    }

    /// Whether no row can be within it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.instances.as_ref().is_some_and(Vec::is_empty)
    }

    /// The part of it that is one instance's.
    #[must_use]
    pub fn narrowed(&self, instance: InstanceId) -> Self {
        let instances = if self.covers(instance) { vec![instance] } else { Vec::new() };
        Self { organization: self.organization, instances: Some(instances) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Timestamp;

    fn instance(number: u8) -> InstanceId {
        InstanceId::generate(Timestamp::default(), [number; 10])
    }

    fn reach(instances: Option<Vec<InstanceId>>) -> Reach {
        let organization = OrganizationId::generate(Timestamp::default(), [9; 10]);
        Reach { organization, instances }
    }

    #[test]
    fn naming_an_instance_never_widens_a_reach() {
        let (one, other) = (instance(1), instance(2));
        assert!(reach(None).narrowed(one).covers(one));
        assert!(!reach(None).narrowed(one).covers(other));
        assert!(reach(Some(vec![one])).narrowed(one).covers(one));
        let elsewhere = reach(Some(vec![one])).narrowed(other);
        assert!(elsewhere.is_empty() && !elsewhere.covers(other) && !elsewhere.covers(one));
    }

    #[test]
    fn no_instances_are_none_and_never_all() {
        let none = reach(Some(Vec::new()));
        assert!(none.is_empty() && !none.covers(instance(1)));
        assert!(!reach(None).is_empty());
    }
}
