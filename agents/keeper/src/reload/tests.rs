use tempfile::TempDir;
use vagus_chain::AgentKey;

use super::*;
use crate::{status, testing};

const EXAMPLE: &str = include_str!("../../examples/keeper.toml");

struct Desk {
    folder: TempDir,
    board: Arc<Board>,
    reload: Reload,
    channels: Channels,
}

/// A keeper's configuration in a file, and a board on which its vault was seen.
fn desk() -> Desk {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("keeper.toml");
    std::fs::write(&path, text()).expect("written");
    let config = Config::load(&path).expect("sound");
    let key = AgentKey::random();
    let (_, world) = testing::world(&key);
    let board = Arc::new(Board::new(std::slice::from_ref(&world)));
    let snapshot = testing::snapshot(key.address());
    let seen = status::view(&world, &world.vaults[0], None, &snapshot).into();
    board.change_vault("treasury", |view| view.seen = Some(seen));
    let (reload, channels) = Reload::new(path, config, board.clone());
    Desk { folder, board, reload, channels }
}

fn text() -> String {
    EXAMPLE.replace("url_env = \"MAINNET_RPC_URL\"", "url = \"http://localhost/planted-key\"")
}

impl Desk {
    fn change(&mut self, from: &str, to: &str) -> Result<Vec<String>, String> {
        let text = text();
        assert!(text.contains(from), "the example has no {from:?}");
        let path = self.folder.path().join("keeper.toml");
        std::fs::write(path, text.replacen(from, to, 1)).expect("written");
        self.reload.reload()
    }
}

#[test]
fn what_is_safe_is_taken_over_and_heard_of() {
    let mut desk = desk();
    assert_eq!(desk.reload.reload(), Ok(Vec::new()));
    assert!(!desk.channels.chains.has_changed().expect("open"), "nothing was new");

    let fees = desk.change("max_fee_gwei = \"60\"", "max_fee_gwei = \"70\"");
    assert_eq!(fees, Ok(vec!["fees of chain mainnet".to_owned()]));
    let heard = desk.channels.chains.borrow_and_update().clone().expect("one");
    assert_eq!(heard.chains[0].fees.max_fee_gwei.wei, 70_000_000_000);
    // The file as it was is a change again; so is one of a vault.
    let vault = desk.change("headroom_bps = 10", "headroom_bps = 11");
    let both = ["fees of chain mainnet".to_owned(), "vault treasury".to_owned()];
    assert_eq!(vault, Ok(both.to_vec()));
    let channel =
        "[alerts]\n[[alerts.channels]]\nkind = \"webhook\"\nurl = \"http://h/\"\n[[chains]]";
    let alerts = desk.change("[[chains]]\n# Your", &format!("{channel}\n# Your"));
    assert!(alerts.expect("taken over").contains(&"[alerts]".to_owned()));
    assert_eq!(desk.channels.alerts.borrow().channels.len(), 1);
}

#[test]
fn what_is_not_safe_is_refused_with_its_reason_and_nothing_is_taken_over() {
    let mut desk = desk();
    let other = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
    for (from, to, reason) in [
        ("0x70997970C51812dc3A010C7d01b50e0d17dc79C8", other, "[agent] has changed"),
        ("sqlite:journal.db", "sqlite:other.db", "[journal] has changed"),
        ("keep_holds_days = 30", "keep_holds_days = 31", "[journal] has changed"),
        ("lease_seconds = 30", "lease_seconds = 31", "[fleet] has changed"),
        ("127.0.0.1:9464\"\n# Names", "127.0.0.1:9465\"\n# Names", "[http] has changed"),
        ("[fleet]", "[traces]\nurl = \"http://localhost/\"\n[fleet]", "[traces] has changed"),
        ("chain_id = 1", "chain_id = 2", "Chain mainnet: something besides its fees"),
        ("planted-key", "planted-other", "Chain mainnet: something besides its fees"),
        ("poll_ms = 2000", "poll_ms = 2001", "Chain mainnet: something besides its fees"),
        ("deployments/1/treasury.json", "other.json", "Vault treasury: its deployment"),
        ("name = \"treasury\"", "name = \"other\"", "The list of [[vaults]]"),
        ("100 USDC", "100 WETH", "expected an amount of USDC"),
        ("3000 USDC", "3000 WETH", "expected an amount of USDC"),
        ("poll_ms = 2000", "pol_ms = 2000", "unknown field"),
    ] {
        let refused = desk.change(from, to).expect_err(to);
        assert!(refused.contains(reason), "{to}: {refused}");
        assert!(!refused.contains("planted"), "{refused}");
        assert!(!desk.channels.chains.has_changed().expect("open"), "{to} was taken over");
    }
    // Refused once is not refused for ever.
    assert!(desk.change("headroom_bps = 10", "headroom_bps = 9").is_ok());
}

#[test]
fn a_vault_that_was_not_read_and_one_under_way_wait() {
    let mut desk = desk();
    let lower = ("\"120\"", "\"68\"");
    desk.board.change_vault("treasury", |view| view.is_in_flight = true);
    // 67.5 gwei could replace what was signed for 60; both caps may go down to that, not below.
    assert!(desk.change(lower.0, "\"67.5\"").is_ok());
    let text = text().replacen(lower.0, "\"60\"", 1).replacen("\"60\"", "\"50\"", 1);
    std::fs::write(desk.folder.path().join("keeper.toml"), text).expect("written");
    let refused = desk.reload.reload().expect_err("too low");
    assert!(refused.contains("under way"), "{refused}");
    desk.board.change_vault("treasury", |view| view.is_in_flight = false);
    assert!(desk.reload.reload().is_ok());

    desk.board.change_vault("treasury", |view| view.seen = None);
    let unread = desk.change("headroom_bps = 10", "headroom_bps = 12").expect_err("not known");
    assert!(unread.contains("was not read yet"), "{unread}");
}
