//! The suite that every directory passes.

use super::world::World;
use galsync::directory::conformance;

#[tokio::test]
async fn a_tenant_is_a_source_like_any_other() {
    conformance::source(&World::new(30, "").await).await;
}

#[tokio::test]
async fn a_tenant_is_a_target_like_any_other() {
    conformance::target(&World::new(30, "").await).await;
}

#[tokio::test]
async fn a_tenant_is_written_the_same_with_ten_cmdlets_in_a_request() {
    let world = World::new(30, "").await.together(10);
    conformance::target(&world).await;
    assert!(world.requests("$batch") > 0, "the suite writes several contacts at once somewhere");
}
