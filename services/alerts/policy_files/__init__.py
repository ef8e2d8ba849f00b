"""The clinics' policy files, and the last good policy of each clinic, which the database keeps."""
