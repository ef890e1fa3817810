"""Redis stores for tests. At the top of a module, so that other processes can open them too."""

from pydantic import SecretStr

from pynenc.ports.backend import Backend, Capabilities
from pynenc_redis.conf import ConfigRedis
from pynenc_redis.product import redis_components
from pynenc_redis.reaching import server_of


def redis_store(url: str, app_id: str = "conformance") -> Backend:
    """An application on a server."""
    server = server_of(ConfigRedis(redis_url=SecretStr(url)))
    made = redis_components(app_id, server)
    return Backend(
        broker=made.broker,
        orchestrator=made.orchestrator,
        state=made.state,
        trigger=made.trigger,
        client_data=made.client_data,
        wakeups=made.wakeups,
        units=(made.unit,),
        capabilities=Capabilities(shared_between_processes=True, one_product=True),
        location=server.location,
    )
