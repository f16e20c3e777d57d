"""What agent and bridge share: the words on the wire, the broker client, configuration, logs, service life."""
