//! Sensitive keys, by word: `auth_token`, `authToken`, `card.number` and
//! `{"card": {"number": …}}` are caught, `author`, `keyboard` and `monkey` are not.

use std::str::FromStr;

/// The sensitive keys that an operator adds to those that are known: each is a key
/// as senders write it, `member_number` or `memberNumber`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtraKeys(Vec<String>);

impl FromStr for ExtraKeys {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let keys: Vec<String> =
            text.split(',').map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned).collect();
        Ok(Self(keys))
    }
}

/// The longest word that is looked at; there is no sensitive one as long.
const WORD: usize = 32;

/// Whether the value under `key`, itself under `parent`, must not be kept.
pub fn is_sensitive(parent: &str, key: &str) -> bool {
    let mut before = Word::default();
    for word in Words(parent.as_bytes()) {
        before = word;
    }
    for word in Words(key.as_bytes()) {
        if is_secret(word.bytes()) || is_secret_pair(before.bytes(), word.bytes()) {
            return true;
        }
        before = word;
    }
    false
}

/// Whether `key` names an identifier, whose digits are not a phone number's.
pub fn is_id(key: &str) -> bool {
    Words(key.as_bytes()).last().is_some_and(|word| matches!(word.bytes(), b"id" | b"ids" | b"uuid"))
}

fn is_secret(word: &[u8]) -> bool {
    let singular = match word {
        [stem @ .., b's'] if stem.len() > 2 => stem,
        _ => word,
    };
    is_secret_word(word) || is_secret_word(singular)
}

fn is_secret_word(word: &[u8]) -> bool {
    if word.len() < 3 {
        return false;
    }
    match word {
        b"password" | b"passwd" | b"pwd" | b"passphrase" | b"passcode" | b"token" | b"jwt" | b"bearer" | b"secret"
        | b"auth" | b"oauth" | b"authorization" | b"authorisation" | b"authentication" | b"credential" | b"cvv"
        | b"cvc" | b"csc" | b"iban" | b"ssn" | b"pin" | b"pincode" | b"cardnumber" | b"cardno" | b"ccnumber"
        | b"secretkey" | b"encryptionkey" => true,
        // Glued words that mean nothing else.
        b"betoken" => false,
        _ => {
            word.ends_with(b"token")
                || word.ends_with(b"secret")
                || [&b"password"[..], b"creditcard", b"socialsecurity", b"privatekey", b"apikey", b"accesskey"]
                    .iter()
                    .any(|stem| word.windows(stem.len()).any(|part| part == *stem))
        }
    }
}

fn is_secret_pair(first: &[u8], second: &[u8]) -> bool {
    matches!(
        (first, second),
        (b"credit" | b"debit", b"card" | b"cards")
            | (b"card" | b"cards" | b"cc" | b"pan", b"number" | b"numbers" | b"no" | b"num" | b"nr")
            | (b"social", b"security")
            | (b"security", b"code")
            | (b"private" | b"api" | b"access" | b"signing" | b"encryption" | b"ssh" | b"pgp", b"key" | b"keys")
            | (b"pass", b"word" | b"wd" | b"phrase" | b"code")
            | (b"i", b"ban")
            | (b"s", b"sn")
    )
}

/// A word in lower case, cut at [`WORD`] bytes.
#[derive(Clone, Copy, Default)]
struct Word {
    bytes: [u8; WORD],
    len: usize,
}

impl Word {
    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The words of a key: runs of letters, cut where the case says that another word begins.
struct Words<'a>(&'a [u8]);

impl Iterator for Words<'_> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        let is_letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte >= 0x80;
        let start = self.0.iter().position(is_letter)?;
        let key = &self.0[start..];
        let mut word = Word::default();
        let mut end = 0;
        while end < key.len() && is_letter(&key[end]) {
            if end > 0 && begins_word(key, end) {
                break;
            }
            if word.len < WORD {
                word.bytes[word.len] = key[end].to_ascii_lowercase();
                word.len += 1;
            }
            end += 1;
        }
        self.0 = &key[end..];
        Some(word)
    }
}

/// `authToken`: at T. `PINCode`: at C. `IBANs`: nowhere, for a lone s is a plural.
fn begins_word(key: &[u8], at: usize) -> bool {
    let lower = |place: usize| key.get(place).is_some_and(u8::is_ascii_lowercase);
    if !key[at].is_ascii_uppercase() {
        return false;
    }
    if !key[at - 1].is_ascii_uppercase() {
        return true;
    }
    let plural = key.get(at + 1) == Some(&b's') && !key.get(at + 2).is_some_and(u8::is_ascii_alphabetic);
    lower(at + 1) && !plural
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sensitive_keys_are_caught_however_they_are_spelled() {
        for key in [
            "password",
            "Password",
            "user_password",
            "userPassword",
            "passwords",
            "PASSWORD2",
            "mypassword",
            "passWord",
            "token",
            "authToken",
            "auth-token",
            "csrftoken",
            "x.auth.token",
            "accessTokens",
            "AUTH",
            "oauth2",
            "secret",
            "client_secret",
            "clientsecret",
            "credit_card",
            "creditCard",
            "creditcard",
            "card_number",
            "card.number",
            "cardNumber",
            "CARD NUMBER",
            "cardnumber",
            "cvv",
            "cvv2",
            "CVVCode",
            "iban",
            "IBAN",
            "IBANs",
            "iBAN",
            "userIban",
            "ssn",
            "social_security",
            "socialSecurityNumber",
            "pin",
            "PIN",
            "userPIN",
            "PINCode",
            "private_key",
            "privateKeyPem",
            "apiKey",
            "api_keys",
        ] {
            assert!(is_sensitive("", key), "{key}");
        }
    }

    #[test]
    fn a_word_that_only_contains_a_sensitive_one_stays() {
        for key in [
            "author",
            "authored_by",
            "keyboard",
            "monkey",
            "pinned",
            "shipping",
            "opinion",
            "spin",
            "secretary",
            "tokenized",
            "cardinal",
            "discard_number",
            "number",
            "card",
            "card_type",
            "category",
            "key",
            "keys",
            "primary_key",
            "urban",
            "turban",
            "assn",
            "compass",
            "passenger",
            "amount",
            "transaction_id",
            "",
        ] {
            assert!(!is_sensitive("", key), "{key}");
        }
    }

    #[test]
    fn words_are_read_across_a_level_of_nesting() {
        assert!(is_sensitive("card", "number"));
        assert!(is_sensitive("paymentCard", "number"));
        assert!(is_sensitive("social", "security"));
        assert!(!is_sensitive("house", "number"));
        assert!(!is_sensitive("card", "type"));
    }
}
