"""What the gateway says to RabbitMQ: topology, publisher, consumer."""
