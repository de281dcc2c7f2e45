# A generation that cannot become ready ends in recovery mode, where ssh answers; `klubster recover` tries again.
# The boot entry klubster.recovery=1 begins there.
{ node }:
{
  name = "klubster-recovery";
  nodes.machine = {
    imports = [ (node { greeting = "fail"; }) ];
    services.klubster.settings.recovery.reboots = 0;
    specialisation.mended.configuration.services.klubster.settings.inputs.GREETING = "good morning";
  };
  testScript = ''
    machine.start()
    machine.wait_for_unit("klubster-recovery.target", timeout=120)
    machine.wait_for_unit("sshd.service")
    machine.wait_for_open_port(22)
    machine.succeed("klubster status --json | grep -q Recovery")

    machine.succeed("/run/current-system/specialisation/mended/bin/switch-to-configuration test")
    machine.succeed("klubster recover")
    machine.succeed("klubster wait --for=Ready --timeout 2m")
    machine.fail("systemctl is-active klubster-recovery.target")
  '';
}
