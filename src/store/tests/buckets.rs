//! What only a real bucket does; `tests/store/run.sh` gives one of each kind.

use super::*;

async fn errors(store: &Store) -> Vec<Error> {
    let file = tempfile::tempfile().unwrap();
    [
        store.put("things/one", "1").await.err(),
        store.create("things/two", "2").await.err(),
        store.put_file("things/three", file).await.err(),
    ]
    .into_iter()
    .map(|error| error.expect("nothing can be written"))
    .collect()
}

#[tokio::test]
#[ignore = "needs a bucket in GALSYNC_TEST_STORE, and credentials that are not right for it"]
async fn a_bucket_refuses_wrong_credentials() {
    let bucket = in_bucket();
    let mut errors = errors(&bucket.store).await;
    errors.push(bucket.store.get("things/one").await.unwrap_err());
    errors.push(bucket.store.list("things").await.unwrap_err());
    for error in errors {
        assert!(matches!(error, Error::PermissionDenied { .. }), "{error:?}");
        assert!(!error.is_transient() && !error.is_absence(), "a person must look, and nothing counts as gone");
        let told = format!("{error} {error:?}");
        assert!(told.contains("check the rights of the credentials"), "{told}");
        for secret in ["AWS_SECRET_ACCESS_KEY", "AZURE_STORAGE_ACCOUNT_KEY"].into_iter().filter_map(std::env::var_os) {
            assert!(!told.contains(secret.to_str().unwrap()), "{told}");
        }
    }
}

#[tokio::test]
#[ignore = "needs the URL of a bucket that is not there in GALSYNC_TEST_STORE"]
async fn a_bucket_that_is_not_there_is_said() {
    for error in errors(&in_bucket().store).await {
        assert!(matches!(&error, Error::Unavailable { hint } if hint.contains("does not exist")), "{error:?}");
    }
}
