//! Channels that a reload takes over.

use tokio::sync::watch as channel;
use vagus_chain::AgentKey;

use super::{
    memory::{Watched, timing},
    *,
};
use crate::{alert::watch::Watch, reload::Reload, testing};

#[tokio::test]
async fn a_channel_that_a_reload_brings_is_told_from_then_on_and_the_old_one_is_not() {
    let watched = Watched::of(&testing::world(&AgentKey::random()).1).await;
    let new = Inbox::open().await;
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("keeper.toml");
    let write = |address: SocketAddr| {
        let text = include_str!("../../../examples/keeper.toml")
            .replace("url_env = \"MAINNET_RPC_URL\"", "url = \"http://localhost/\"");
        let channel = format!("kind = \"webhook\"\nurl = \"http://{address}/\"\n");
        let text = format!("{text}\n[alerts]\n[[alerts.channels]]\n{channel}");
        std::fs::write(&path, text).expect("written");
    };
    write(watched.inbox.address);
    let config = Config::load(&path).expect("sound");
    let (mut reload, channels) = Reload::new(path.clone(), config, watched.board.clone());
    let (_stop, stopped) = channel::channel(false);
    let watch = Watch::begin(channels.alerts, "keeper-a".to_owned(), watched.store.clone(), timing);
    tokio::spawn(watch.run(watched.board.clone(), Duration::from_millis(10), stopped));
    watched.set_ended(true);
    assert_eq!(watched.told(1).await[0].0, "opened");

    write(new.address);
    assert_eq!(reload.reload(), Ok(vec!["[alerts]".to_owned()]));
    watched.set_ended(false);
    assert_eq!(new.wait_for(1).await[0].1["change"], "resolved");
    assert_eq!(watched.inbox.wait_for(1).await.len(), 1, "the old one hears no more");
}
