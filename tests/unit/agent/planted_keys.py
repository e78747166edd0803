"""Keys of thirteen kinds as they stand in logs and files; none was ever good for anything."""

from __future__ import annotations

KEYS = {
    "pem": "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7\n-----END RSA PRIVATE KEY-----",
    "anthropic": "sk-ant-api03-" + "aB3" * 10,
    "openai": "sk-proj-" + "aB3" * 10,
    "hf": "hf_" + "aB3x" * 8,
    "github": "ghp_" + "aB3x" * 9,
    "gitlab": "glpat-" + "aB3x" * 5,
    "aws": "AKIA" + "A1B2C3D4E5F6G7H8",
    "slack": "xoxb-" + "123456789012-abcdefghij",
    "google": "AIza" + "aB3x" * 9,
    "nvidia": "nvapi-" + "aB3x" * 8,
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3.SflKxwRJSMeKKF2QT4",
    "login": "https://ada:Sup3rS3cret99@example.invalid/x",
    "password": "password = Hunter2Hunter2",
}
SECRET = {**KEYS, "login": "Sup3rS3cret99", "password": "Hunter2Hunter2", "pem": "MIIEowIBAAKCAQEA7"}
"""What must not be seen of each."""

PLANTED = {
    "openai": "sk-proj-Ab12Cd34Ef56Gh78Ij90Kl12",
    "anthropic": "sk-ant-api03-Ab12Cd34Ef56Gh78Ij90-Kl12",
    "huggingface": "hf_AbCdEfGhIjKlMnOpQrStUv",
    "github": "ghp_0123456789abcdefABCDEF0123456789abcd",
    "github fine": "github_pat_11ABCDEFG0123456789_abcdefghijklmnop",
    "gitlab": "glpat-Ab12Cd34Ef56Gh78Ij90",
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "slack": "xoxb-123456789012-abcdefGHIJKL",
    "google": "AIzaSyA1234567890abcdefghijklmnopqrstuv",
    "nvidia": "nvapi-Ab12Cd34Ef56Gh78Ij90Kl12Mn34",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4fw",
    "pem": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0\n-----END PRIVATE KEY-----",
    "login": "hunter22",
}
"""Others of the same kinds, each bare."""
