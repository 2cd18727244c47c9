"""The browser as a network: the log's parts over one socket a page."""
