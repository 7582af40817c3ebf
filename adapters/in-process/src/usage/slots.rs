//! The form of a file: a head of 64 bytes, then slots of 64 bytes, so that none lies across a page. Numbers are little-endian.
//!
//! | head | | slot | |
//! | --- | --- | --- | --- |
//! | 0–16 | what it is | 0–16 | the key |
//! | 16–32 | the batch's id | 16–24 | how often |
//! | 32–36 | CRC-32 of these | 24–32 | when last, in microseconds since 1970 |
//! | | | 32–36 | the day since 1970 |
//! | | | 36–40 | CRC-32 of the batch's id and these |
//!
//! The rest is zero; a slot of zeros is none.

use std::collections::BTreeMap;

use portico_domain::models::{ApiKeyId, Day, KeyUses, Timestamp, UsageBatch};
use uuid::Uuid;

/// The size of a slot, and of the head.
pub(super) const SLOT: usize = 64;
/// Slots are sent in batches of so many, by their places, so that a file always falls into the same batches. A part of the form: another number
/// needs another [`MAGIC`].
const BATCH: usize = 1_000;
const MAGIC: &[u8; 16] = b"portico-usage-1\n";

/// Makes a file's id of any: its last 16 bits are kept for the numbers of its batches.
pub(super) fn file_id(id: Uuid) -> Uuid {
    Uuid::from_u128(id.as_u128() & !0xFFFF)
}

/// The head of a file.
pub(super) fn head(id: Uuid) -> [u8; SLOT] {
    let mut head = [0; SLOT];
    head[..16].copy_from_slice(MAGIC);
    head[16..32].copy_from_slice(id.as_bytes());
    let sum = crc32fast::hash(&head[..32]);
    head[32..36].copy_from_slice(&sum.to_le_bytes());
    head
}

fn read_head(head: &[u8]) -> Option<Uuid> {
    let id = Uuid::from_slice(head.get(16..32)?).ok()?;
    (head.get(..36)? == &self::head(id)[..36]).then_some(id)
}

/// One slot of the file `id`.
pub(super) fn slot(id: Uuid, uses: &KeyUses) -> [u8; SLOT] {
    let mut slot = [0; SLOT];
    slot[..16].copy_from_slice(uses.key_id.uuid().as_bytes());
    slot[16..24].copy_from_slice(&uses.uses.to_le_bytes());
    slot[24..32].copy_from_slice(&uses.last_at.micros().to_le_bytes());
    slot[32..36].copy_from_slice(&uses.day.0.to_le_bytes());
    let sum = checksum(id, &slot[..36]);
    slot[36..40].copy_from_slice(&sum.to_le_bytes());
    slot
}

fn checksum(id: Uuid, content: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(id.as_bytes());
    hasher.update(content);
    hasher.finalize()
}

fn read_slot(id: Uuid, slot: &[u8]) -> Option<KeyUses> {
    let eight = |at: usize| slot.get(at..at + 8)?.first_chunk::<8>().copied();
    let four = |at: usize| slot.get(at..at + 4)?.first_chunk::<4>().copied();
    if u32::from_le_bytes(four(36)?) != checksum(id, slot.get(..36)?) {
        return None;
    }
    Some(KeyUses {
        key_id: ApiKeyId::from_uuid(Uuid::from_slice(slot.get(..16)?).ok()?),
        day: Day(i32::from_le_bytes(four(32)?)),
        uses: u64::from_le_bytes(eight(16)?),
        last_at: Timestamp::from_micros(i64::from_le_bytes(eight(24)?)),
    })
}

/// What a file says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Contents {
    /// What is to be sent; no batch is empty.
    pub(super) batches: Vec<UsageBatch>,
    /// The sum of all uses.
    pub(super) uses: u64,
    /// How much of it is damaged: the head, and slots.
    pub(super) unreadable: u64,
}

/// Reads a file. `named` is the id that its name says, for a file whose head is damaged. `None` when nothing says which batch it is.
pub(super) fn read(bytes: &[u8], named: Option<Uuid>) -> Option<Contents> {
    let (head, slots) = bytes.split_at_checked(SLOT).unwrap_or((bytes, &[]));
    let from_head = read_head(head);
    let id = from_head.or(named)?;
    let is_blank = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    // A process that was killed while it began a file leaves a cut head and nothing lost.
    let mut unreadable = u64::from(from_head.is_none() && !is_blank(slots));
    let mut batches = Vec::new();
    let mut all = 0_u64;
    for (number, places) in (0_u128..).zip(slots.chunks(BATCH * SLOT)) {
        let mut uses: BTreeMap<(ApiKeyId, Day), KeyUses> = BTreeMap::new();
        for place in places.chunks(SLOT).filter(|place| !is_blank(place)) {
            let Some(read) = read_slot(id, place).filter(|read| read.uses > 0) else {
                unreadable += 1;
                continue;
            };
            all = all.saturating_add(read.uses);
            uses.insert((read.key_id, read.day), read);
        }
        if !uses.is_empty() {
            let id = Uuid::from_u128(id.as_u128() | number);
            batches.push(UsageBatch { id, uses: uses.into_values().collect() });
        }
    }
    Some(Contents { batches, uses: all, unreadable })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> Uuid {
        file_id(Uuid::from_u128(0x0190_0000_0000_7000_8000_1234_5678_9ABC))
    }

    fn uses(n: u8) -> KeyUses {
        let last_at = Timestamp::from_micros(1_790_000_000_123_456 + i64::from(n));
        KeyUses {
            key_id: ApiKeyId::generate(last_at, [n; 10]),
            day: Day(20_717),
            uses: u64::from(n) + 1,
            last_at,
        }
    }

    fn file(slots: u8) -> Vec<u8> {
        let mut file = head(id()).to_vec();
        for n in 0..slots {
            file.extend(slot(id(), &uses(n)));
        }
        file
    }

    #[test]
    fn reads_back_what_it_wrote() {
        let read = read(&file(3), None).unwrap();
        let mut all = vec![uses(0), uses(1), uses(2)];
        all.sort_by_key(|uses| uses.key_id);
        assert_eq!(
            read,
            Contents { batches: vec![UsageBatch { id: id(), uses: all }], uses: 6, unreadable: 0 }
        );
    }

    #[test]
    fn falls_into_the_same_batches_also_when_slots_are_lost() {
        let mut bytes = head(id()).to_vec();
        for n in 0..2_500_u32 {
            let mut uses = uses(1);
            uses.day = Day(i32::try_from(n).unwrap());
            bytes.extend(slot(id(), &uses));
        }
        let whole = read(&bytes, None).unwrap();
        assert_eq!(
            whole.batches.iter().map(|batch| batch.uses.len()).collect::<Vec<_>>(),
            [1_000, 1_000, 500]
        );
        let ids: Vec<_> = whole.batches.iter().map(|batch| batch.id.as_u128() - id().as_u128()).collect();
        assert_eq!(ids, [0, 1, 2]);
        bytes[SLOT..SLOT * 1_001].fill(0);
        let rest = read(&bytes, None).unwrap();
        assert_eq!(rest.batches, whole.batches[1..]);
    }

    #[test]
    fn no_damaged_slot_is_read_and_the_others_are() {
        let whole = file(3);
        for at in SLOT * 2..SLOT * 2 + 40 {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            let read = read(&damaged, None).unwrap();
            assert_eq!((read.uses, read.unreadable), (4, 1), "damaged at {at}");
        }
    }

    #[test]
    fn wherever_it_is_cut_what_is_whole_is_read() {
        let whole = file(3);
        for cut in 0..=whole.len() {
            let read = read(&whole[..cut], Some(id())).unwrap();
            // A slot is whole with its checksum; the zeros behind it don't matter.
            let slots = (0..3_usize).filter(|n| cut >= SLOT * (n + 1) + 40).count();
            assert_eq!(read.uses, [0, 1, 3, 6][slots], "cut at {cut}");
        }
    }

    #[test]
    fn a_file_without_a_head_is_known_by_its_name_or_not_at_all() {
        let mut damaged = file(2);
        damaged[20] ^= 1;
        assert_eq!(read(&damaged, None), None);
        let read = read(&damaged, Some(id())).unwrap();
        assert_eq!((read.uses, read.unreadable), (3, 1));
        assert_eq!(super::read(&damaged, Some(Uuid::nil())).unwrap().uses, 0, "the slots are another file's");
    }
}
