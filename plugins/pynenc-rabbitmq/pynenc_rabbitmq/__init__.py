"""RabbitMQ as the broker of Pynenc."""
