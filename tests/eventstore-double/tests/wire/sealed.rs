//! TLS with an authority of one's own.

use eventstore::StreamState;
use rapport_eventstore_double::{Double, Settings};

use crate::{append, client, event, read};

#[tokio::test]
async fn whoever_trusts_the_authority_gets_through_and_nobody_else() {
    // Two providers are linked, so the client cannot choose by itself; a second test may have said so already.
    drop(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider().install_default());
    let settings = Settings {
        tls: true,
        ..Settings::default()
    };
    let double = Double::with(settings).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authority.pem");
    std::fs::write(&file, double.authority().unwrap()).unwrap();
    let address = double.connection_string();
    let trusting = client(&format!("{address}&tlsCaFile={}", file.display()));
    append(
        &trusting,
        "deal-1",
        StreamState::NoStream,
        vec![event("opened")],
    )
    .await
    .unwrap();
    assert_eq!(read(&trusting, "deal-1").await.unwrap().len(), 1);
    let stranger = client(&format!("{address}&maxDiscoverAttempts=1"));
    assert!(read(&stranger, "deal-1").await.is_err());
}
