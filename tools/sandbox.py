#!/usr/bin/env python3
"""Runs the ExecStart of a systemd unit in a sandbox of the unit's own options, without systemd. As root.

    unshare --mount --ipc python3 tools/sandbox.py UNIT --install PROGRAM --etc FOLDER --state FOLDER

The program lies where ExecStart names it, FOLDER of --etc is the unit's ConfigurationDirectory, that of --state its StateDirectory.
An option that this file does not know ends it; those that it knows and cannot carry out are named on stderr.
"""
import argparse
import ctypes
import os
import re
import resource
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile

USER = 61184  # The first of the range that systemd takes dynamic users from.
# What systemd or the kernel's accounting does, and nothing here.
NOT_CARRIED_OUT = {
    "PrivateUsers", "ProtectClock", "ProtectControlGroups", "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules",
    "ProtectKernelTunables", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID", "LockPersonality", "RemoveIPC",
    "MemoryMax", "MemorySwapMax", "TasksMax",
}
# What the one who starts it does with it.
OF_THE_CALLER = {
    "Type", "ExecStart", "ExecReload", "KillSignal", "TimeoutStopSec", "Restart", "RestartSec", "RestartPreventExitStatus",
}
CARRIED_OUT = {
    "DynamicUser", "StateDirectory", "StateDirectoryMode", "ConfigurationDirectory", "LoadCredential", "UMask", "NoNewPrivileges",
    "CapabilityBoundingSet", "AmbientCapabilities", "ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices",
    "ProtectProc", "ProcSubset", "RestrictAddressFamilies", "MemoryDenyWriteExecute", "SystemCallArchitectures",
    "SystemCallFilter", "SystemCallErrorNumber", "LimitCORE", "LimitNOFILE",
}
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
libc = ctypes.CDLL(None, use_errno=True)


def fail(sentence):
    sys.exit(f"sandbox: {sentence}")


def service(unit):
    """The options of [Service], each with all its values in order."""
    options, section = {}, None
    for line in open(unit, encoding="utf-8"):
        line = line.strip()
        if line.startswith("["):
            section = line
        elif section == "[Service]" and line and line[0] not in "#;":
            key, _, value = line.partition("=")
            options.setdefault(key, []).append(value)
    for key in options:
        if key not in CARRIED_OUT | OF_THE_CALLER | NOT_CARRIED_OUT:
            fail(f"{unit}: {key}= is not known here; expected that somebody says what becomes of it.")
    return options


def run(*command):
    subprocess.run(command, check=True)


def system_calls(filters):
    """Numbers of the system calls that are allowed: lists add, lists that begin with ~ take away, in order."""
    def members(name):
        if not name.startswith("@"):
            return {name}
        told = subprocess.run(["systemd-analyze", "syscall-filter", name], check=True, capture_output=True, text=True).stdout
        found = set()
        for word in (line.strip() for line in told.splitlines()[1:]):
            if word and not word.startswith("#"):
                found |= members(word)
        return found

    # Without it no program can be started; systemd adds it to every list of what is allowed.
    allowed = members("@default")
    for value in filters:
        is_denied = value.startswith("~")
        for name in value.lstrip("~").split():
            allowed = allowed - members(name) if is_denied else allowed | members(name)
    header = subprocess.run(
        ["gcc", "-E", "-dM", "-include", "asm/unistd_64.h", "-x", "c", "/dev/null"], check=True, capture_output=True, text=True,
    ).stdout
    numbers = {name: int(number) for name, number in re.findall(r"^#define __NR_(\w+) (\d+)$", header, re.M)}
    return sorted(numbers[name] for name in allowed | {"execve"} if name in numbers), numbers


def seccomp(allowed, numbers, families, is_memory_denied):
    """A program for the kernel's filter: everything else answers EPERM."""
    ALLOW, EPERM, KILL = 0x7FFF0000, 0x00050001, 0x80000000
    code = []

    def put(operation, true, false, k):
        code.append(struct.pack("HBBI", operation, true, false, k))

    load = lambda offset: put(0x20, 0, 0, offset)
    give = lambda what: put(0x06, 0, 0, what)
    load(4)
    put(0x15, 1, 0, 0xC000003E)  # The native one alone.
    give(KILL)
    load(0)
    if families:
        put(0x15, 0, len(families) + 3, numbers["socket"])
        load(16)
        for place, family in enumerate(families):
            put(0x15, len(families) - place, 0, family)
        give(EPERM)
        give(ALLOW)
    if is_memory_denied:
        # mmap of what can be written and executed, and mprotect or pkey_mprotect of anything to be executed.
        put(0x15, 0, 5, numbers["mmap"])
        load(32)
        put(0x54, 0, 0, 6)
        put(0x15, 0, 1, 6)
        give(EPERM)
        load(0)
        for name in ("mprotect", "pkey_mprotect"):
            put(0x15, 0, 5, numbers[name])
            load(32)
            put(0x54, 0, 0, 4)
            put(0x15, 0, 1, 4)
            give(EPERM)
            load(0)
    for number in allowed:
        put(0x15, 0, 1, number)
        give(ALLOW)
    give(EPERM)
    return b"".join(code)


def new_root(options, program, arguments):
    """A root with nothing that can be written but what the unit says."""
    one = lambda key, default="": options.get(key, [default])[-1]
    root = tempfile.mkdtemp(prefix="root-", dir=os.path.dirname(os.path.abspath(arguments.state)))
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", root)
    for name in ("usr", "etc", "proc", "dev", "tmp", "var/tmp", "var/lib", "run/credentials", "home", "root"):
        os.makedirs(f"{root}/{name}", exist_ok=True)
    run("mount", "--rbind", "/usr", f"{root}/usr")
    for name in ("bin", "sbin", "lib", "lib64"):
        if os.path.islink(f"/{name}"):
            os.symlink(os.readlink(f"/{name}"), f"{root}/{name}")
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", f"{root}{os.path.dirname(program)}")
    open(f"{root}{program}", "w").close()
    run("mount", "--bind", arguments.install, f"{root}{program}")
    for name in ("ssl", "hosts", "resolv.conf", "nsswitch.conf", "localtime", "ld.so.cache", "passwd", "group"):
        if os.path.isfile(f"/etc/{name}"):
            shutil.copy(f"/etc/{name}", f"{root}/etc/{name}")
        elif os.path.isdir(f"/etc/{name}"):
            shutil.copytree(f"/etc/{name}", f"{root}/etc/{name}", symlinks=True)
    # systemd hands the configuration's folder to nobody: its owner and mode are as they were installed.
    shutil.copytree(arguments.etc, f"{root}/etc/{one('ConfigurationDirectory')}")
    credentials = f"{root}/run/credentials/{os.path.basename(arguments.unit)}"
    os.makedirs(credentials)
    for name, _, source in (value.partition(":") for value in options.get("LoadCredential", [])):
        shutil.copy(root + source, f"{credentials}/{name}")
        os.chmod(f"{credentials}/{name}", 0o400)
        os.chown(f"{credentials}/{name}", USER, USER)
    os.chmod(credentials, 0o500)
    os.chown(credentials, USER, USER)
    state = f"{root}/var/lib/{one('StateDirectory')}"
    os.makedirs(state)
    os.chmod(arguments.state, int(one("StateDirectoryMode", "0755"), 8))
    os.chown(arguments.state, USER, USER)
    run("mount", "--bind", arguments.state, state)
    run("mount", "-t", "proc", "-o", "hidepid=invisible,subset=pid", "proc", f"{root}/proc")
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        open(f"{root}/dev/{name}", "w").close()
        run("mount", "--bind", f"/dev/{name}", f"{root}/dev/{name}")
    for name in ("tmp", "var/tmp"):
        run("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", f"{root}/{name}")
    os.chmod(f"{root}/root", 0o700)
    for place in ("usr", ""):
        run("mount", "-o", "remount,bind,ro", f"{root}/{place}".rstrip("/"))
    return root


def prctl(*arguments):
    if libc.prctl(*(ctypes.c_ulong(argument) for argument in arguments)) != 0:
        fail(f"prctl {arguments[0]}: {os.strerror(ctypes.get_errno())}.")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("unit")
    for name in ("--install", "--etc", "--state"):
        parser.add_argument(name, required=True)
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        fail("expected root.")
    options = service(arguments.unit)
    for key in sorted(NOT_CARRIED_OUT & options.keys()):
        print(f"sandbox: {key}= is not carried out", file=sys.stderr)
    command = shlex.split(options["ExecStart"][0])
    allowed, numbers = system_calls(options["SystemCallFilter"])
    families = [FAMILIES[name] for name in options["RestrictAddressFamilies"][0].split()]
    is_memory_denied = options.get("MemoryDenyWriteExecute", ["no"])[0] == "yes"
    program = seccomp(allowed, numbers, families, is_memory_denied)
    root = new_root(options, command[0], arguments)
    os.chroot(root)
    os.chdir("/")
    for key, limit in (("LimitCORE", resource.RLIMIT_CORE), ("LimitNOFILE", resource.RLIMIT_NOFILE)):
        value = int(options[key][0])
        resource.setrlimit(limit, (value, value))
    os.umask(int(options["UMask"][0], 8))
    for capability in range(0, 64):
        if libc.prctl(23, capability, 0, 0, 0) == 1:  # PR_CAPBSET_READ, PR_CAPBSET_DROP
            prctl(24, capability, 0, 0, 0)
    os.setgroups([])
    os.setgid(USER)
    os.setuid(USER)
    prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    code = ctypes.create_string_buffer(program, len(program))
    # Its length and its address, as the kernel takes them.
    filter_ = ctypes.create_string_buffer(struct.pack("H6xQ", len(program) // 8, ctypes.addressof(code)))
    kept = {name: os.environ[name] for name in ("RUST_LOG", "PATH") if name in os.environ}
    prctl(22, 2, ctypes.addressof(filter_), 0, 0)  # PR_SET_SECCOMP, by a program
    os.execve(command[0], command, kept)


main()
