//! Against a service of our own on loopback that speaks as AWS KMS does: `GetPublicKey` and `Sign`, JSON over HTTP.

use std::{process::Command, sync::Arc, time::Duration};

use alloy::{
    primitives::{B256, hex},
    signers::{SignerSync as _, local::PrivateKeySigner},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::*;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for part in bytes.chunks(3) {
        let word = part.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - part.len()));
        for place in 0..4 {
            let digit = ALPHABET[(word >> (18 - 6 * place) & 63) as usize] as char;
            out.push(if place <= part.len() { digit } else { '=' });
        }
    }
    out
}

fn from_base64(text: &str) -> Vec<u8> {
    let (mut out, mut word, mut bits) = (Vec::new(), 0u32, 0);
    for digit in text.bytes().filter(|digit| *digit != b'=') {
        let value = ALPHABET.iter().position(|of| *of == digit).expect("base64") as u32;
        (word, bits) = (word << 6 | value, bits + 6);
        if bits >= 8 {
            bits -= 8;
            out.push((word >> bits) as u8);
        }
    }
    out
}

/// A number as DER has it: no needless zeros, and one where it would be negative otherwise.
fn der_number(bytes: [u8; 32]) -> Vec<u8> {
    let mut digits: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
    if digits.first().is_none_or(|first| *first >= 0x80) {
        digits.insert(0, 0);
    }
    [vec![2, digits.len() as u8], digits].concat()
}

struct Service {
    key: PrivateKeySigner,
}

impl Service {
    fn answer(&self, target: &str, asked: &Value) -> Result<Value, Value> {
        if asked["KeyId"] == "gone" {
            return Err(
                json!({"__type": "NotFoundException", "message": "Key 'gone' does not exist"}),
            );
        }
        match target {
            "TrentService.GetPublicKey" => {
                let point = self.key.credential().verifying_key().to_encoded_point(false);
                // SubjectPublicKeyInfo: id-ecPublicKey on secp256k1, then the point.
                let head = hex!("3056301006072a8648ce3d020106052b8104000a034200");
                let key = base64(&[&head, point.as_bytes()].concat());
                Ok(
                    json!({"KeyId": asked["KeyId"], "PublicKey": key, "KeySpec": "ECC_SECG_P256K1", "KeyUsage": "SIGN_VERIFY"}),
                )
            }
            "TrentService.Sign" => {
                assert_eq!(asked["MessageType"], "DIGEST", "{asked}");
                assert_eq!(asked["SigningAlgorithm"], "ECDSA_SHA_256", "{asked}");
                let digest = from_base64(asked["Message"].as_str().expect("a message"));
                let signature = self.key.sign_hash_sync(&B256::from_slice(&digest)).expect("signs");
                let body = [
                    der_number(signature.r().to_be_bytes()),
                    der_number(signature.s().to_be_bytes()),
                ]
                .concat();
                let der = [vec![0x30, body.len() as u8], body].concat();
                Ok(
                    json!({"KeyId": asked["KeyId"], "Signature": base64(&der), "SigningAlgorithm": "ECDSA_SHA_256"}),
                )
            }
            other => panic!("{other} is asked for"),
        }
    }

    async fn serve(&self, stream: &mut TcpStream) {
        let (mut got, mut part) = (Vec::new(), [0; 4_096]);
        loop {
            let text = String::from_utf8_lossy(&got).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let header = |name: &str| {
                    head.lines().find_map(|line| {
                        let (key, value) = line.split_once(':')?;
                        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
                    })
                };
                let length =
                    header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
                if body.len() >= length {
                    assert!(header("authorization").is_some_and(|by| by.contains("planted-id")));
                    let target = header("x-amz-target").expect("a target");
                    let asked = serde_json::from_str(body).expect("json");
                    let (status, said) = match self.answer(&target, &asked) {
                        Ok(said) => ("200 OK", said),
                        Err(said) => ("400 Bad Request", said),
                    };
                    let said = said.to_string();
                    let answer = format!(
                        "HTTP/1.1 {status}\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {}\r\n\
                         Connection: close\r\n\r\n{said}",
                        said.len()
                    );
                    let _ = stream.write_all(answer.as_bytes()).await;
                    return;
                }
            }
            match stream.read(&mut part).await {
                Ok(count) if count > 0 => got.extend_from_slice(&part[..count]),
                _ => return,
            }
        }
    }
}

/// Credentials come from the environment, which only another process can be given: this test starts itself anew.
#[tokio::test]
async fn a_key_in_the_service_signs_and_is_the_accounts() {
    const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
    if std::env::var(SECRET).is_ok_and(|secret| secret == "planted-secret") {
        a_key_of_the_service().await;
        a_service_that_says_no().await;
        return;
    }
    let test = "signer::kms::aws::tests::a_key_in_the_service_signs_and_is_the_accounts";
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", test])
        .env("AWS_ACCESS_KEY_ID", "planted-id")
        .env(SECRET, "planted-secret")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

async fn start() -> (PrivateKeySigner, EndpointUrl) {
    let key = PrivateKeySigner::random();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let service = Arc::new(Service { key: key.clone() });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move { service.serve(&mut stream).await });
        }
    });
    (key, EndpointUrl::parse(&url).expect("an address"))
}

async fn a_key_of_the_service() {
    let (account, url) = start().await;
    let expected = account.address();
    let key = AgentKey::open_aws_kms("key-1", Some("eu-west-1"), Some(&url), expected);
    let key = key.await.expect("opens");
    assert_eq!(key.address(), expected);
    for byte in 0..8 {
        let hash = B256::repeat_byte(byte);
        let signature = key.sign_hash(hash).await.expect("signs");
        assert_eq!(signature.recover_address_from_prehash(&hash).expect("recovers"), expected);
    }
    let other = Address::repeat_byte(7);
    let error = AgentKey::open_aws_kms("key-1", Some("eu-west-1"), Some(&url), other).await;
    let error = error.expect_err("another account's").to_string();
    assert!(error.contains(&expected.to_string()) && error.contains(&other.to_string()), "{error}");
}

async fn a_service_that_says_no() {
    let (account, url) = start().await;
    let expected = account.address();
    let error = AgentKey::open_aws_kms("gone", Some("eu-west-1"), Some(&url), expected).await;
    let error = error.expect_err("no such key").to_string();
    assert!(error.starts_with("AWS KMS does not tell of the key gone: "), "{error}");
    assert!(error.contains("does not exist") && !error.contains('\n'), "{error}");
    assert!(!error.contains("planted-secret"), "{error}");
    // Nobody listens there.
    let closed = EndpointUrl::parse("http://127.0.0.1:9").expect("an address");
    let opening = AgentKey::open_aws_kms("key-1", Some("eu-west-1"), Some(&closed), expected);
    let opened = tokio::time::timeout(Duration::from_secs(20), opening).await.expect("ends");
    assert!(matches!(opened, Err(KeyError::Service { .. })), "{opened:?}");
}
