# A generation of the config that fails is rolled back to the last good one.
{ node }:
{
  name = "klubster-rollback";
  nodes.machine = {
    imports = [ (node { }) ];
    services.klubster.settings.recovery = {
      reboots = 0;
      action = "rollback";
    };
    specialisation.bad.configuration.services.klubster.settings.inputs.GREETING = "fail";
  };
  testScript = ''
    greeting = "/var/lib/klubster/steps/single-node/greet/greeting"

    machine.start()
    machine.wait_for_unit("klubster.service")
    machine.succeed("klubster wait --for=Ready --timeout 5m")
    machine.succeed("/run/current-system/specialisation/bad/bin/switch-to-configuration test")
    machine.wait_until_succeeds("klubster history | grep -q RolledBack", timeout=120)
    machine.succeed("klubster wait --for=Ready --timeout 2m")
    machine.succeed(f"grep -qx 'good morning' {greeting}")
  '';
}
