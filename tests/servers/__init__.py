"""Real servers for the tests: started by fixtures, killed and started again by tests of outages."""
