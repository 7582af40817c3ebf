use super::*;

fn stack(frames: &[&str], values: &[i64]) -> Stack {
    Stack { frames: frames.iter().map(|&frame| frame.to_owned()).collect(), values: values.to_vec() }
}

fn profile(stacks: Vec<Stack>) -> Profile {
    Profile {
        counted: vec![Counted::new("samples", "count"), Counted::new("cpu", "nanoseconds")],
        period: (Counted::new("cpu", "nanoseconds"), 10_000_000),
        at_nanos: 1_700_000_000_000_000_000,
        over_nanos: 5_000_000_000,
        stacks,
    }
}

#[test]
fn what_is_written_is_read() {
    let written = profile(vec![
        stack(&["read", "serve", "main"], &[3, 30]),
        stack(&["serve", "main"], &[1, 10]),
        stack(&["serve", "serve", "main"], &[2, 20]),
        stack(&[], &[1, 10]),
    ]);
    let bytes = written.encode().unwrap();
    assert_eq!(bytes[..2], [0x1f, 0x8b]);
    assert_eq!(Profile::decode(&bytes).unwrap(), written);
    let mut plain = Vec::new();
    GzDecoder::new(&bytes[..]).read_to_end(&mut plain).unwrap();
    assert_eq!(Profile::decode(&plain).unwrap(), written);
}

#[test]
fn shares_are_a_functions_own_and_with_what_it_called() {
    let profile = profile(vec![
        stack(&["read", "serve", "main"], &[3, 30]),
        stack(&["serve", "serve", "main"], &[2, 20]),
    ]);
    let shares = profile.by_function(|frames| frames.first());
    assert_eq!(shares["read"], Share { own: 30, whole: 30 });
    assert_eq!(shares["serve"], Share { own: 20, whole: 50 });
    assert_eq!(shares["main"], Share { own: 0, whole: 50 });
    assert_eq!(profile.total(), 50);
}

#[test]
fn what_came_since_is_told_a_stack_each() {
    let before = profile(vec![stack(&["a"], &[1, 10]), stack(&["b"], &[1, 10]), stack(&["c"], &[1, 10])]);
    let after = profile(vec![stack(&["a"], &[1, 10]), stack(&["b"], &[1, 40]), stack(&["d"], &[1, 5])]);
    let since = after.since(&before);
    let told: Vec<_> = since.stacks.iter().map(|stack| (stack.frames[0].as_str(), stack.value())).collect();
    assert_eq!(told, [("b", 30), ("c", -10), ("d", 5)]);
    assert_eq!(since.counted, [Counted::new("cpu", "nanoseconds")]);
    // A difference is a profile too.
    assert_eq!(Profile::decode(&since.encode().unwrap()).unwrap(), since);
}

#[test]
fn what_is_no_profile_is_told_so() {
    let told = |bytes: &[u8]| format!("{:#}", Profile::decode(bytes).unwrap_err());
    assert!(told(b"").contains("counts nothing"), "{}", told(b""));
    assert!(told(b"{\"status\": 404}").contains("no profile"));
    assert!(told(&[0x1f, 0x8b, 0, 0]).contains("unpacking"));
    let mut cut = profile(vec![stack(&["a"], &[1, 10])]).encode().unwrap();
    cut.truncate(cut.len() / 2);
    assert!(told(&cut).contains("unpacking"));

    let broken = |change: fn(&mut message::Profile)| {
        let mut message = message::Profile {
            sample_type: vec![message::ValueType::default()],
            string_table: vec![String::new()],
            location: vec![message::Location { id: 1, address: 0xabc, ..Default::default() }],
            sample: vec![message::Sample { location_id: vec![1], value: vec![1] }],
            ..Default::default()
        };
        change(&mut message);
        Profile::decode(&message.encode_to_vec())
    };
    assert_eq!(broken(|_| {}).unwrap().stacks[0].frames, ["0xabc"]);
    assert!(broken(|message| message.sample[0].location_id.push(9)).is_err());
    assert!(broken(|message| message.sample[0].value.push(9)).is_err());
    assert!(broken(|message| message.sample_type[0].unit = -1).is_err());
    assert!(
        broken(|message| message.location[0].line.push(message::Line { function_id: 4, line: 0 })).is_err()
    );
}
