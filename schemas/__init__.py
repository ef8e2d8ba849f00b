"""Every contract between processes: wire events, topics, the policy file and the database's SQL."""
