"""Published formats: what the corpus of the redaction report is built from."""

# Of each network: prefixes and lengths with which it issues cards (their own publications; the
# npm package credit-card-type).
CARDS = {
    "Visa": (["4"], [13, 16, 19]),
    "Mastercard": (["51", "52", "53", "54", "55", "2221", "2300", "2500", "2720"], [16]),
    "American Express": (["34", "37"], [15]),
    "Diners Club": (["300", "301", "305", "3095", "36", "38", "39"], [14, 16, 19]),
    "Discover": (["6011", "644", "649", "65", "622126", "622925"], [16, 19]),
    "JCB": (["3528", "3570", "3589"], [16, 19]),
    "UnionPay": (["62", "81"], [16, 17, 18, 19]),
    "Maestro": (["5018", "5020", "5038", "6304", "6759", "6761", "6763", "56", "58"], [12, 13, 14, 15, 16, 17, 18, 19]),
    "Mir": (["2200", "2204"], [16, 17, 18, 19]),
    "RuPay": (["60", "65", "81", "82", "508"], [16]),
    "Elo": (["506699", "509000", "636368", "650035"], [16]),
    "Hipercard": (["606282"], [16]),
    "Verve": (["506099", "507865"], [16, 19]),
    "Troy": (["9792"], [16]),
    "UATP": (["1"], [15]),
}

# Test numbers that the networks and payment providers publish.
TEST_CARDS = """
4111111111111111 4012888888881881 4222222222222 4242424242424242 4000056655665556 4917610000000000 4000000000000002
5555555555554444 5105105105105100 2223003122003222 5200828282828210 2720990000000007 378282246310005 371449635398431
378734493671000 30569309025904 38520000023237 36227206271667 3056930009020004 6011111111111117 6011000990139424
6011981111111113 3530111333300000 3566002020360505 6200000000000005 6205500000000000004 6759649826438453
6799990100000000019 6304000000000000 5610591081018250 5019717010103742 135412345678911 6331101999990016
""".split()

# The SWIFT IBAN registry, release 101: so many digits (n), capital letters (a) or either (c).
IBANS = {
    "AD": "8n12c", "AE": "19n", "AL": "8n16c", "AT": "16n", "AZ": "4a20c", "BA": "16n", "BE": "12n", "BG": "4a6n8c",
    "BH": "4a14c", "BI": "23n", "BR": "23n1a1c", "BY": "4c4n16c", "CH": "5n12c", "CR": "18n", "CY": "8n16c",
    "CZ": "20n", "DE": "18n", "DJ": "23n", "DK": "14n", "DO": "4c20n", "EE": "16n", "EG": "25n", "ES": "20n",
    "FI": "14n", "FK": "2a12n", "FO": "14n", "FR": "10n11c2n", "GB": "4a14n", "GE": "2a16n", "GI": "4a15c",
    "GL": "14n", "GR": "7n16c", "GT": "24c", "HN": "4a20n", "HR": "17n", "HU": "24n", "IE": "4a14n", "IL": "19n",
    "IQ": "4a15n", "IS": "22n", "IT": "1a10n12c", "JO": "4a4n18c", "KW": "4a22c", "KZ": "3n13c", "LB": "4n20c",
    "LC": "4a24c", "LI": "5n12c", "LT": "16n", "LU": "3n13c", "LV": "4a13c", "LY": "21n", "MC": "10n11c2n",
    "MD": "20c", "ME": "18n", "MK": "3n10c2n", "MN": "16n", "MR": "23n", "MT": "4a5n18c", "MU": "4a19n3a",
    "NI": "4a20n", "NL": "4a10n", "NO": "11n", "OM": "3n16c", "PK": "4a16c", "PL": "24n", "PS": "4a21c",
    "PT": "21n", "QA": "4a21c", "RO": "4a16c", "RS": "18n", "RU": "14n15c", "SA": "2n18c", "SC": "4a20n3a",
    "SD": "14n", "SE": "20n", "SI": "15n", "SK": "20n", "SM": "1a10n12c", "SO": "19n", "ST": "21n", "SV": "4a20n",
    "TL": "19n", "TN": "20n", "TR": "6n16c", "UA": "6n19c", "VA": "18n", "VG": "4a16n", "XK": "16n",
    "YE": "4a4n18c",
}

# Tokens by the provider that issues them: documentation of the providers and the rules of gitleaks.
# {n:set} stands for n characters of a set: h hexadecimal, d digits, a letters and digits, u capitals and
# digits, w letters, digits, - and _.
TOKENS = {
    "AWS access key": ["AKIA{16:u}", "ASIA{16:u}"],
    "GitHub": ["ghp_{36:a}", "gho_{36:a}", "ghu_{36:a}", "ghs_{36:a}", "ghr_{36:a}", "github_pat_{22:a}_{59:a}"],
    "GitLab": ["glpat-{20:w}", "gldt-{20:w}", "glrt-{20:w}", "glptt-{40:h}", "glsoat-{20:w}", "glcbt-{20:w}"],
    "Slack": ["xoxb-{12:d}-{12:d}-{24:a}", "xoxp-{12:d}-{12:d}-{12:d}-{32:h}", "xapp-1-A{10:u}-{13:d}-{64:h}", "xoxs-{12:d}-{24:a}"],
    "Slack webhook": ["https://hooks.slack.com/services/T{8:u}/B{8:u}/{24:a}"],
    "Stripe": ["sk_live_{24:a}", "sk_test_{24:a}", "rk_live_{24:a}", "whsec_{32:a}", "sk_live_{99:a}"],
    "Google": ["AIza{35:w}", "ya29.{68:w}", "GOCSPX-{28:w}"],
    "OpenAI": ["sk-{48:a}", "sk-proj-{48:w}", "sk-svcacct-{48:w}"],
    "Anthropic": ["sk-ant-api03-{93:w}AA", "sk-ant-admin01-{93:w}AA"],
    "npm": ["npm_{36:a}"],
    "PyPI": ["pypi-AgEIcHlwaS5vcmc{70:w}"],
    "SendGrid": ["SG.{22:w}.{43:w}"],
    "Twilio": ["SK{32:h}", "AC{32:h}"],
    "JSON web token": ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI{20:a}.{43:w}", "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJ{60:w}.{86:w}"],
    "Private key": [
        "-----BEGIN RSA PRIVATE KEY-----\n{64:a}\n{64:a}\n{40:a}==\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\n{64:a}\n{64:a}\n-----END PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\n{64:a}\n{70:a}\n-----END OPENSSH PRIVATE KEY-----",
        "-----BEGIN EC PRIVATE KEY-----\n{64:a}\n{30:a}",
    ],
    "Azure": [
        "https://x.blob.core.windows.net/c?sv=2022-11-02&sig={43:a}%3D",
        "DefaultEndpointsProtocol=https;AccountName=x;AccountKey={86:a}==;EndpointSuffix=core.windows.net",
        "Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={43:a}=",
    ],
    "DigitalOcean": ["dop_v1_{64:h}", "doo_v1_{64:h}", "dor_v1_{64:h}"],
    "Square": ["sq0atp-{22:w}", "sq0csp-{43:w}", "EAAA{60:a}"],
    "Shopify": ["shpat_{32:h}", "shpss_{32:h}", "shpca_{32:h}", "shppa_{32:h}"],
    "Telegram": ["{9:d}:AA{33:w}", "{10:d}:AA{33:w}"],
    "Discord": ["MTk{21:a}.{6:w}.{27:w}", "OD{24:a}.{6:w}.{38:w}"],
    "Mailgun": ["key-{32:h}"],
    "Mailchimp": ["{32:h}-us12"],
    "Heroku": ["HRKU-{8:h}-{4:h}-{4:h}-{4:h}-{12:h}"],
    "Hugging Face": ["hf_{34:a}"],
    "Databricks": ["dapi{32:h}"],
    "Docker": ["dckr_pat_{27:w}"],
    "Atlassian": ["ATATT3xFfGF0{180:w}", "ATBB{32:a}"],
    "Linear": ["lin_api_{40:a}"],
    "Notion": ["ntn_{46:a}", "secret_{43:a}"],
    "Postman": ["PMAK-{24:h}-{34:h}"],
    "New Relic": ["NRAK-{27:u}"],
    "Grafana": ["glsa_{32:a}_{8:h}", "glc_{60:a}"],
    "Vault": ["hvs.{90:w}"],
    "Pulumi": ["pul-{40:h}"],
    "Doppler": ["dp.pt.{43:a}"],
    "Figma": ["figd_{40:w}"],
    "Supabase": ["sbp_{40:h}"],
    "Groq": ["gsk_{52:a}"],
    "Replicate": ["r8_{37:a}"],
    "Perplexity": ["pplx-{48:a}"],
    "xAI": ["xai-{80:a}"],
    "Razorpay": ["rzp_live_{14:a}"],
    "Flutterwave": ["FLWSECK_TEST-{32:h}-X", "FLWSECK-{32:h}-X"],
    "Shippo": ["shippo_live_{40:h}"],
    "Brevo": ["xkeysib-{64:h}-{16:a}"],
    "Resend": ["re_{8:a}_{24:a}"],
    "Sentry": ["sntrys_{60:w}"],
    "RubyGems": ["rubygems_{48:h}"],
    "NuGet": ["oy2{43:a}"],
    "PlanetScale": ["pscale_tkn_{43:w}", "pscale_pw_{43:w}"],
    "Tailscale": ["tskey-auth-{12:a}-{32:a}"],
    "Typeform": ["tfp_{59:w}"],
    "1Password": ["ops_eyJ{250:a}"],
    "age": ["AGE-SECRET-KEY-1{58:u}"],
}

# Names of secrets, and the words with which people write them in sentences.
NAMES = """
password passwd pwd user_password dbPassword secret client_secret api_key apiKey x-api-key access_key token auth_token
accessToken refresh_token csrf_token private_key credentials passphrase passcode pin otp mfa_code security_answer cookie
session_id signature seed_phrase authcode pswd
""".split()

# Keys whose values are personal or secret.
KEYS = """
password userPassword passwd pwd pswd passphrase passcode token authToken access_token refreshToken jwt bearer secret
client_secret auth oauth authorization credentials creds card_number cardNumber ccn pan cvv cvc cvn csc pin userpin mypin
ATMpin pinCode otp mfa mfa_code iban ssn social_security_number itin tax_id taxId passport passport_number date_of_birth
dob birthDate account_number accountNumber routing_number sort_code bank_account security_answer security_code cookie
Set-Cookie session_id sessionId JSESSIONID signature seed_phrase recovery_codes private_key api_key apiKey accessKey
authcode drivers_license mothers_maiden_name national_id x-api-key encryption_key signing_key
""".split() + ["pass\u200bword", "p\u0430ssword", "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44"]
