# The first boot does the work; after a reboot services are back and tasks that are done stay done; a new system
# generation with another value is taken up by the reload that switching does.
{ node }:
{
  name = "klubster-first-boot-and-reboot";
  nodes.machine = {
    imports = [ (node { }) ];
    specialisation.evening.configuration.services.klubster.settings.inputs.GREETING = "good evening";
  };
  testScript = ''
    steps = "/var/lib/klubster/steps/single-node"

    machine.start()
    machine.wait_for_unit("klubster.service")
    machine.succeed("klubster wait --for=Ready --timeout 5m")
    machine.succeed(f"test \"$(cat {steps}/greet/greeting)\" = 'good morning'")
    machine.succeed("klubster config check")
    machine.succeed("test -L /etc/klubster")
    machine.succeed("systemd-analyze security --threshold=10 klubster.service")

    machine.shutdown()
    machine.start()
    machine.succeed("klubster wait --for=Ready --timeout 2m")
    machine.succeed(f"test $(wc -l < {steps}/prepare/runs) = 1")

    pid = machine.succeed("systemctl show --property MainPID --value klubster.service")
    machine.succeed("/run/current-system/specialisation/evening/bin/switch-to-configuration test")
    machine.wait_until_succeeds(f"test \"$(cat {steps}/greet/greeting)\" = 'good evening'", timeout=60)
    assert pid == machine.succeed("systemctl show --property MainPID --value klubster.service"), "reloaded, not restarted"
  '';
}
