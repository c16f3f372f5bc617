//! Ids that nobody can guess.

/// A new random id in the form of a GUID (RFC 9562, version 4).
pub fn new_id() -> String {
    let bytes = ring::rand::generate::<[u8; 16]>(&ring::rand::SystemRandom::new());
    let bytes = bytes.expect("the system has random numbers").expose();
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
