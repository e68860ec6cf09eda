#!/usr/bin/env python3
"""What is truly gone is told once, whole, and with what stood below it; what came back is told as what it is."""
import unittest

from lib.world import Collected, type_of

STORAGE = "microsoft.storage/storageaccounts"
SERVERS = "microsoft.sql/servers"
LOCKS = "microsoft.authorization/locks"
EXTENSIONS = "microsoft.compute/virtualmachines/extensions"
VAULTS = "microsoft.keyvault/vaults"


class Removals(Collected):
    def delete(self, resource_id):
        """With the locks that stand in its way."""
        for lock in self.below(resource_id):
            if type_of(lock) == LOCKS:
                self.azure.write("DELETE", lock)
        self.azure.write("DELETE", resource_id)

    def below(self, parent):
        return {i for i in self.before if i.lower().startswith(parent.lower() + "/")}

    def told(self, run):
        return {(drift["kind"], drift["resource_id"].lower()) for drift in run.report["drifts"]}

    def check_removed(self, gone):
        """One complete run tells all of them and nothing else; the next has nothing new, and keeps them open; nothing is collected."""
        gone = {i.lower() for i in gone}
        run = self.project.collect()
        self.assertTrue(run.report["complete"], run)
        self.assertEqual(self.told(run), {("removed", i) for i in gone})
        self.assertEqual(run.report["summary"]["new"], len(gone))
        self.assertEqual(run.code, 2)
        self.assertEqual({i.lower() for i in self.before} - {i.lower() for i in self.project.export()}, gone)
        again = self.project.collect()
        self.assertEqual(self.told(again), {("removed", i) for i in gone})
        self.assertEqual(again.report["summary"]["new"], 0, "told as new twice")
        history = [json_line["kind"] for json_line in self.project.run("history", "--json", sorted(gone)[0]).reports]
        self.assertEqual(history, ["removed", "added"])

    def test_deleted_resource_is_removed_exactly_once(self):
        account = next(i for i in self.ids(VAULTS) if not self.below(i))
        self.delete(account)
        self.check_removed([account])

    def test_last_resource_of_its_type(self):
        only = next(i for i in self.before if len(self.ids(type_of(i))) == 1 and not self.below(i) and "/microsoft.network/natgateways/" in i.lower())
        self.delete(only)
        self.check_removed([only])

    def test_deleted_parent_takes_its_children(self):
        server = self.ids(SERVERS)[0]
        self.assertGreater(len(self.below(server)), 2)
        self.delete(server)
        self.check_removed({server} | self.below(server))

    def test_only_parent_of_its_type(self):
        """No list of its children can be asked for any more; each child answers for itself."""
        for server in self.ids(SERVERS):
            self.delete(server)
        self.check_removed([i for server in self.ids(SERVERS) for i in {server} | self.below(server)])

    def test_deleted_resource_group(self):
        group = next(i for i in sorted(self.before) if i.count("/") == 4 and "rg-data" in i.lower())
        self.assertGreater(len(self.below(group)), 3)
        self.delete(group)
        self.check_removed({group} | self.below(group))

    def test_deleted_child_alone(self):
        extension = self.ids(EXTENSIONS)[0]
        self.delete(extension)
        self.check_removed([extension])

    def test_deleted_and_put_back_is_resolved(self):
        account = next(i for i in self.ids(STORAGE) if len(self.below(i)) > 1 and not any(type_of(j) == LOCKS for j in self.below(i)))
        children = [self.before[i] for i in sorted(self.below(account), key=len)]
        self.delete(account)
        self.assertEqual(self.project.collect().code, 2)
        for body in [self.before[account]] + children:
            self.azure.write("PUT", body["id"], body)
        back = self.project.collect()
        self.assertEqual(self.told(back), set(), back)
        self.assertEqual(back.report["summary"]["resolved"], 1 + len(children))
        self.assertEqual(back.code, 0)

    def test_recreated_between_two_collections(self):
        machine = self.ids("microsoft.compute/virtualmachines")[0]
        self.azure.write("PATCH", machine, {"properties": {"vmId": "5f9f2c1e-0000-4000-8000-000000000001"}})
        run = self.project.collect()
        self.assertEqual(self.told(run), {("recreated", machine.lower())}, run)

    def test_added_resource(self):
        rule = self.ids("microsoft.sql/servers/firewallrules")[0]
        new = rule.rpartition("/")[0] + "/everyone"
        self.azure.write("PUT", new, {"properties": {"startIpAddress": "0.0.0.0", "endIpAddress": "255.255.255.255"}})
        run = self.project.collect()
        self.assertEqual(self.told(run), {("added", new.lower())}, run)
        self.assertEqual(run.code, 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
