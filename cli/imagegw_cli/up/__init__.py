"""Everything on one machine: private servers, the four services, and the supervisor that keeps them."""
