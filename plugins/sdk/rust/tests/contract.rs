//! The bindings that were generated are those of the contract as it is.

#[test]
fn the_bindings_are_of_this_contract() {
    let contract = include_bytes!("../../wit/v1/plugin.wit");
    let bindings = include_str!("../src/bindings.generated");
    let hash = contract.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        // FNV-1a: enough to see that somebody changed the text.
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let first = bindings.lines().next();
    let expected = format!("// From plugins/sdk/wit/v1/plugin.wit: {hash:016x}");
    assert_eq!(
        first,
        Some(expected.as_str()),
        "generate src/bindings.generated again, by the command in src/lib.rs, and write this line above it"
    );
}
