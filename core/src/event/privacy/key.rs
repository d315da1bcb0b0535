//! Sensitive keys, by word: `auth_token`, `authToken`, `card.number` and
//! `{"card": {"number": …}}` are found, `author`, `keyboard` and `monkey` are not. Keys
//! are folded first, so that no odd spelling hides a word.

use std::borrow::Cow;
use std::str::FromStr;

use super::fold::Folded;
use super::{Place, work};

/// The sensitive keys that an operator adds to those that are known: each is a key
/// as senders write it, `member_number` or `memberNumber`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtraKeys(Vec<Vec<Word>>);

impl FromStr for ExtraKeys {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let keys = text.split(',').map(str::trim).filter(|key| !key.is_empty());
        let words = |key: &str| Some(Words(&fold(key)).collect::<Vec<_>>()).filter(|words| !words.is_empty());
        keys.map(words).collect::<Option<_>>().map(Self).ok_or("a key without a letter")
    }
}

impl ExtraKeys {
    /// Whether the words of one of them stand in `key`, one after the other, or glued.
    fn hold(&self, key: &[u8]) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let words: Vec<Word> = Words(key).collect();
        let glued = |words: &[Word]| words.iter().flat_map(|word| word.bytes().to_vec()).collect::<Vec<u8>>();
        self.0.iter().any(|extra| {
            words.windows(extra.len()).any(|part| part == extra.as_slice())
                || glued(&words) == glued(extra)
                || extra.len() > 1 && words.iter().any(|word| word.bytes() == glued(extra))
        })
    }
}

/// The longest word that is looked at; there is no sensitive one as long.
const WORD: usize = 32;
/// Bytes of a key that are looked at for words.
const KEY: usize = 1_024;

fn fold(key: &str) -> Cow<'_, [u8]> {
    Folded::new(key).bytes
}

/// Whether the value under `key`, itself under `parent`, must not be kept.
pub fn is_sensitive(parent: &str, key: &str, extra: &ExtraKeys) -> bool {
    is_sensitive_folded(&fold(parent), &fold(key), extra)
}

/// The same for keys that are folded.
pub fn is_sensitive_folded(parent: &[u8], key: &[u8], extra: &ExtraKeys) -> bool {
    let key = &key[..key.len().min(KEY)];
    let mut before = Words(&parent[..parent.len().min(KEY)]).last().unwrap_or_default();
    for word in Words(key) {
        if is_secret(word.bytes()) || is_secret_pair(before.bytes(), word.bytes()) {
            return true;
        }
        before = word;
    }
    key.windows(3).any(|part| part.eq_ignore_ascii_case(b"2fa")) || extra.hold(key)
}

/// Whether the last words of free text before a colon name something sensitive:
/// `my password`, `card number`, not `password policy`.
pub fn ends_sensitive(name: &[u8], extra: &ExtraKeys) -> bool {
    let mut last = [Word::default(); 3];
    for word in Words(name) {
        last.rotate_left(1);
        last[2] = word;
    }
    let [first, second, third] = last;
    let secret = |before: &Word, word: &Word| is_secret(word.bytes()) || is_secret_pair(before.bytes(), word.bytes());
    let generic = matches!(third.bytes(), b"number" | b"no" | b"nr" | b"code" | b"value" | b"key" | b"hash" | b"id");
    secret(&second, &third) || generic && secret(&first, &second) || extra.hold(name)
}

/// What the digits of a value may be, by its key and the key above it.
pub fn place(parent: &str, key: &str) -> Place {
    if key.is_empty() {
        return Place::Text;
    }
    let key = fold(key);
    let last = last_word(&key);
    if is_phone(&key, last.bytes()) {
        return Place::Phone;
    }
    if !parent.is_empty() {
        let parent = fold(parent);
        let of_phone = is_phone(&parent, last_word(&parent).bytes());
        if of_phone && !is_about_phone(last.bytes()) && !is_identity(last.bytes())
            || of_phone && is_number(last.bytes())
        {
            return Place::Phone;
        }
    }
    match last.bytes() {
        last if is_identity(last) || is_number(last) => Place::Id,
        b"order" | b"invoice" | b"sku" | b"imei" | b"isbn" | b"ean" | b"upc" | b"gtin" | b"barcode" | b"serial"
        | b"hash" | b"digest" | b"checksum" | b"etag" | b"replaces" => Place::Id,
        b"lat" | b"lon" | b"lng" | b"latitude" | b"longitude" | b"geo" | b"location" | b"coordinates" | b"position"
        | b"amount" | b"balance" | b"price" | b"total" | b"timestamp" | b"time" | b"date" | b"at" | b"version"
        | b"ip" => Place::Numbering,
        _ => Place::Text,
    }
}

fn last_word(key: &[u8]) -> Word {
    Words(&key[..key.len().min(KEY)]).last().unwrap_or_default()
}

/// Whether the last word of a key says that its value identifies a thing.
fn is_identity(last: &[u8]) -> bool {
    last.ends_with(b"id")
        || last.ends_with(b"ids")
        || matches!(last, b"uuid" | b"uuids" | b"guid" | b"ref" | b"refs" | b"reference" | b"references")
}

fn is_number(last: &[u8]) -> bool {
    matches!(last, b"no" | b"nr" | b"num" | b"number" | b"numbers")
}

fn is_phone(key: &[u8], last: &[u8]) -> bool {
    if is_about_phone(last) || is_identity(last) {
        return false;
    }
    let mut before = Word::default();
    for word in Words(&key[..key.len().min(KEY)]) {
        let found = match word.bytes() {
            b"phone" | b"phones" | b"mobile" | b"mobiles" | b"cell" | b"cellphone" | b"tel" | b"telephone"
            | b"telefon" | b"telefono" | b"telno" | b"phoneno" | b"mobileno" | b"fax" | b"faxes" | b"faxno"
            | b"whatsapp" | b"msisdn" | b"handy" | b"landline" | b"sms" | b"viber" | b"celular" | b"hotline" => true,
            b"number" | b"numbers" | b"no" => before.bytes() == b"contact" || before.bytes() == b"call",
            word => {
                (word.len() > 6)
                    && (word.ends_with(b"phone")
                        || word.starts_with(b"phone")
                        || word.ends_with(b"mobile")
                        || word.ends_with(b"tel"))
                    || word == b"contactnumber"
                    || word == b"contactno"
                    || word == b"mobilenumber"
                    || word == b"faxnumber"
            }
        };
        if found
            && !matches!(
                word.bytes(),
                b"headphone" | b"microphone" | b"smartphone" | b"automobile" | b"hostel" | b"saxophone"
            )
        {
            return true;
        }
        before = word;
    }
    false
}

/// Whether the last word of a key makes its value something else than a telephone number.
fn is_about_phone(last: &[u8]) -> bool {
    matches!(
        last,
        b"type"
            | b"model"
            | b"os"
            | b"brand"
            | b"count"
            | b"verified"
            | b"at"
            | b"date"
            | b"time"
            | b"country"
            | b"carrier"
            | b"provider"
            | b"network"
            | b"status"
            | b"version"
            | b"consent"
            | b"enabled"
            | b"name"
            | b"plan"
            | b"bill"
            | b"cost"
            | b"price"
            | b"amount"
            | b"minutes"
            | b"code"
            | b"size"
            | b"width"
            | b"height"
            | b"year"
    )
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
        b"password" | b"passwd" | b"pwd" | b"pswd" | b"passphrase" | b"passcode" | b"passkey" | b"passwort"
        | b"kennwort" | b"contrasena" | b"senha" | b"wachtwoord" | b"token" | b"jwt" | b"bearer" | b"secret"
        | b"auth" | b"oauth" | b"authorization" | b"authorisation" | b"authentication" | b"credential" | b"cred"
        | b"creds" | b"cvv" | b"cvc" | b"csc" | b"cvn" | b"ccn" | b"pan" | b"iban" | b"ssn" | b"itin" | b"pin"
        | b"pincode" | b"otp" | b"totp" | b"mfa" | b"tfa" | b"cardno" | b"ccno" | b"cookie" | b"signature"
        | b"mnemonic" | b"passport" | b"dob" | b"birthday" | b"sessid" | b"phpsessid" | b"csrf" | b"xsrf"
        | b"userpin" | b"mypin" | b"mpin" | b"atmpin" | b"cardpin" | b"newpin" | b"oldpin" | b"pinno"
        | b"accountno" | b"acctno" | b"userpass" | b"dbpass" | b"nino" => true,
        // Glued words that mean nothing else.
        b"betoken" => false,
        _ => word.ends_with(b"token") || word.ends_with(b"secret") || has_secret_stem(word),
    }
}

/// Whether a word, glued of several, holds a sensitive one that means nothing else.
fn has_secret_stem(word: &[u8]) -> bool {
    if word.len() < 5 {
        return false;
    }
    (0..word.len() - 4).any(|at| {
        let stems: &[&[u8]] = match word[at] {
            b'p' => &[b"password", b"passwd", b"passcode", b"passphrase", b"privatekey", b"pinnumber", b"pincode"],
            b'c' => &[b"creditcard", b"cardnumber", b"ccnumber", b"cvvcode", b"cvccode"],
            b's' => &[
                b"socialsecurity",
                b"secretkey",
                b"sortcode",
                b"seedphrase",
                b"securitycode",
                b"securityanswer",
                b"sessionid",
                b"setcookie",
                b"sshkey",
                b"signingkey",
            ],
            b'a' => &[b"apikey", b"accesskey", b"accountnumber", b"acctnumber", b"authcode", b"accountkey"],
            b'r' => &[b"routingnumber", b"recoverycode", b"recoveryphrase"],
            b'd' => &[b"dateofbirth", b"debitcard", b"driverslicense", b"driverlicense"],
            b'b' => &[b"birthdate", b"bankaccount", b"backupcode"],
            b't' => &[b"taxid", b"taxnumber"],
            b'm' => &[b"mfacode", b"motdepasse", b"maidenname"],
            b'o' => &[b"otpcode", b"onetimepass"],
            b'e' => &[b"encryptionkey"],
            b'n' => &[b"nationalid"],
            b'v' => &[b"verificationcode"],
            b'j' => &[b"jsessionid"],
            _ => &[],
        };
        stems.iter().any(|stem| word[at..].starts_with(stem))
    })
}

fn is_secret_pair(first: &[u8], second: &[u8]) -> bool {
    matches!(
        (first, second),
        (b"credit" | b"debit", b"card" | b"cards")
            | (
                b"card"
                    | b"cards"
                    | b"cc"
                    | b"pan"
                    | b"account"
                    | b"accounts"
                    | b"acct"
                    | b"routing"
                    | b"tax"
                    | b"passport"
                    | b"insurance"
                    | b"security"
                    | b"license"
                    | b"licence",
                b"number" | b"numbers" | b"no" | b"num" | b"nr"
            )
            | (
                b"routing" | b"sort" | b"security" | b"auth" | b"verification" | b"recovery" | b"backup",
                b"code" | b"codes"
            )
            | (b"bank", b"account" | b"accounts")
            | (b"social", b"security")
            | (b"security", b"answer" | b"answers" | b"question")
            | (b"seed" | b"recovery" | b"mnemonic", b"phrase" | b"phrases" | b"words")
            | (b"session", b"id" | b"ids" | b"key")
            | (b"tax" | b"national" | b"fiscal", b"id" | b"ids" | b"identifier")
            | (b"tax", b"file")
            | (b"of", b"birth")
            | (b"birth", b"date" | b"day")
            | (b"driver" | b"drivers" | b"driving", b"license" | b"licence")
            | (b"maiden", b"name")
            | (b"two", b"factor")
            | (b"time", b"password" | b"passcode" | b"pin")
            | (
                b"private"
                    | b"api"
                    | b"access"
                    | b"signing"
                    | b"encryption"
                    | b"ssh"
                    | b"pgp"
                    | b"account"
                    | b"secret"
                    | b"shared"
                    | b"master",
                b"key" | b"keys"
            )
            | (b"pass", b"word" | b"wd" | b"phrase" | b"code" | b"key")
            | (b"user" | b"login" | b"db" | b"smtp" | b"admin" | b"root" | b"ftp" | b"mail", b"pass" | b"pw")
            | (b"i", b"ban")
            | (b"s", b"sn")
    )
}

/// A word in small letters, cut at [`WORD`] bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Word {
    bytes: [u8; WORD],
    len: usize,
}

impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.bytes()))
    }
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
        work::add(start + end);
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
            "account_number",
            "accountNumber",
            "routing_number",
            "sort_code",
            "sortcode",
            "pan",
            "card_pan",
            "otp",
            "mfa",
            "mfa_code",
            "2fa",
            "security_answer",
            "cookie",
            "Set-Cookie",
            "session_id",
            "sessionid",
            "JSESSIONID",
            "tax_id",
            "passport",
            "passport_number",
            "date_of_birth",
            "dateOfBirth",
            "dob",
            "birth_date",
            "signature",
            "seed_phrase",
            "userpin",
            "mypin",
            "ATMpin",
            "pswd",
            "ccn",
            "cvn",
            "creds",
            "authcode",
            "pass\u{200b}word",
            "p\u{430}ssword",
            "ｐａｓｓｗｏｒｄ",
            "contraseña",
            "pass%77ord",
        ] {
            assert!(is_sensitive("", key, &ExtraKeys::default()), "{key}");
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
            "goal_id",
            "account_id",
            "company",
            "japan",
            "expand",
            "companion",
            "passed",
            "taxi",
            "session_length",
            "date",
            "number_of_items",
            "",
        ] {
            assert!(!is_sensitive("", key, &ExtraKeys::default()), "{key}");
        }
    }

    #[test]
    fn words_are_read_across_a_level_of_nesting() {
        assert!(is_sensitive("card", "number", &ExtraKeys::default()));
        assert!(is_sensitive("paymentCard", "number", &ExtraKeys::default()));
        assert!(is_sensitive("social", "security", &ExtraKeys::default()));
        assert!(!is_sensitive("house", "number", &ExtraKeys::default()));
        assert!(!is_sensitive("card", "type", &ExtraKeys::default()));
    }

    #[test]
    fn an_operator_adds_keys() {
        let extra: ExtraKeys = "member_number, Loyalty Tier,plz".parse().unwrap();
        for key in ["member_number", "memberNumber", "old_member_number", "membernumber", "loyalty-tier", "PLZ"] {
            assert!(is_sensitive("", key, &extra), "{key}");
        }
        for key in ["member", "number", "loyalty", "plzz", "number_member"] {
            assert!(!is_sensitive("", key, &extra), "{key}");
        }
        assert!("a,1".parse::<ExtraKeys>().is_err());
    }

    #[test]
    fn a_key_says_what_its_digits_may_be() {
        for (parent, key, expected) in [
            ("", "phone", Place::Phone),
            ("", "homePhone", Place::Phone),
            ("", "phone_number", Place::Phone),
            ("", "contact_number", Place::Phone),
            ("", "mobile", Place::Phone),
            ("phone", "number", Place::Phone),
            ("phones", "home", Place::Phone),
            ("", "phone_model", Place::Text),
            ("", "phone_id", Place::Id),
            ("", "contact_id", Place::Id),
            ("", "transactionid", Place::Id),
            ("", "order_no", Place::Id),
            ("", "sku", Place::Id),
            ("", "geo", Place::Numbering),
            ("", "description", Place::Text),
            ("", "", Place::Text),
        ] {
            assert_eq!(place(parent, key), expected, "{parent} {key}");
        }
    }
}
