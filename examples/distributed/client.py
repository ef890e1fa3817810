"""Calls the tasks, from anywhere that reaches the store."""

from tasks import add, app, sleep

print("broker:", app.component_classes().broker_cls)

# Directly: the call returns at once, the result is waited for.
print("add(1, 2):", add(1, 2).result)
print("sleep(0.1):", sleep(0.1).result)

# Many at once, on whatever runners there are.
print("sums:", sorted(add.parallelize([(number, number) for number in range(10)]).results))
naps = sleep.parallelize([(0.3,)] * 6)
print("naps:", list(naps.results))
app.close()
