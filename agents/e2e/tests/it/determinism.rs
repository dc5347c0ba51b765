use vagus_e2e::{paths, playground};

#[tokio::test]
async fn two_worlds_from_one_file_are_the_same_to_the_block_hash() {
    let mut heads = Vec::new();
    for _ in 0..2 {
        let folder = paths::run_folder("test").unwrap();
        let (world, _) = playground::build(&folder).await.unwrap();
        heads.push(world.clock.chain.head().await.unwrap());
    }
    assert_eq!(heads[0], heads[1]);
}
