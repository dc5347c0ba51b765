use vagus_e2e::{
    anvil::Anvil,
    paths, treasury,
    venues::{self, Grant},
};

#[tokio::test]
async fn two_worlds_from_one_file_are_the_same_to_the_block_hash() {
    let mut heads = Vec::new();
    for _ in 0..2 {
        let folder = paths::run_folder("test").unwrap();
        let chain = Anvil::start(&folder).await.unwrap();
        let grants = [Grant { account: 1, assets: 4_000_000 }];
        let venues = venues::deploy(&chain, "demo", &grants, &folder).unwrap();
        heads.push(chain.head().await.unwrap());
        let t = std::time::Instant::now();
        let (treasury, _) = treasury::deploy(&chain, &venues, &folder).unwrap();
        println!("{treasury:?} {:?}", t.elapsed());
        heads.push(chain.head().await.unwrap());
    }
    assert_eq!(heads[0], heads[2]);
    assert_eq!(heads[1], heads[3]);
}
